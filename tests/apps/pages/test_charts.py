"""What the charts plot."""

from datetime import UTC, datetime, timedelta

from apps.pages import charts

TIMES = [datetime(2026, 3, 2, 14, 30, tzinfo=UTC) + timedelta(hours=hour) for hour in range(4)]
EQUITY = [100.0, 101.0, 99.0, 103.0]


def test_equity_is_drawn_over_its_reference():
    figure = charts.equity_curve(TIMES, EQUITY, [100.0, 100.5, 100.2, 100.9])

    assert [trace.name for trace in figure.data] == ["equal weight", "equity"]
    assert list(figure.data[1].y) == EQUITY
    assert list(figure.data[1].x) == TIMES


def test_equity_without_a_reference_is_one_line():
    figure = charts.equity_curve(TIMES, EQUITY)

    assert [trace.name for trace in figure.data] == ["equity"]


def test_drawdown_is_filled_to_zero():
    (trace,) = charts.drawdown_curve(TIMES, [0.0, 0.0, -0.0198, 0.0]).data

    assert trace.fill == "tozeroy"
    assert min(trace.y) == -0.0198


def test_the_largest_count_stands_on_top():
    (trace,) = charts.counts({"MAX_POSITION": 3, "CORRELATION": 12, "DAILY_LOSS": 1}).data

    assert list(trace.y) == ["DAILY_LOSS", "MAX_POSITION", "CORRELATION"]
    assert list(trace.x) == [1, 3, 12]


def test_more_reasons_make_a_taller_chart():
    few, many = ({f"R{number}": number for number in range(1, n)} for n in (3, 13))

    assert charts.counts(many).layout.height > charts.counts(few).layout.height


def test_the_funnel_keeps_the_order_of_its_stages():
    (trace,) = charts.funnel({"intents": 9, "orders": 5, "fills": 4}).data

    assert list(trace.y) == ["intents", "orders", "fills"]
    assert list(trace.x) == [9, 5, 4]


def test_a_parameter_stands_against_validation_alone():
    (trials,) = charts.parameter_scatter([1e-4, 1e-3], [0.5, None], "learning_rate").data

    assert list(trials.x) == [1e-4, 1e-3]
    assert list(trials.y) == [0.5, None]


def test_parallel_coordinates_have_one_axis_a_parameter():
    columns = {"learning_rate": [1e-4, 5e-4, 1e-3], "ent_coef": [0.01, 0.02, 0.005]}

    (trace,) = charts.parallel_coordinates(columns, [0.1, 0.2, 0.3]).data

    assert [axis.label for axis in trace.dimensions] == list(columns)
    assert list(trace.line.color) == [0.1, 0.2, 0.3]
