"""`ploutos version`."""

from apps.cli.output import Json, emit


def version(as_json: Json = False) -> None:
    """Print the version of Ploutos and of what it stands on.

    Example: ploutos version
    """
    from importlib.metadata import version as installed

    packages = ("ploutos", "ray", "torch", "gymnasium", "polars", "duckdb", "onnxruntime")
    emit({name: installed(name) for name in packages}, as_json)
