"""Pages for people: typed values in, one self-contained HTML file out, all charts of one look."""
