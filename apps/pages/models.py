"""Models: every bundle with its verdict, where it comes from and what it measured."""

from pathlib import Path
from typing import Literal

import polars as pl
import streamlit as st

from apps.cli.readers import BundleCard, bundle_cards
from apps.pages.tiles import Tile, show_tiles
from cluster.errors import BundleError
from cluster.settings import home
from train.bundle.manifest import Manifest
from train.bundle.model_card import CARD_FILE, check_card
from train.bundle.override import read_unproven
from train.bundle.verdict_record import VerdictRecord

_Color = Literal["blue", "orange", "gray", "red"]
_BADGES: dict[str, tuple[_Color, str]] = {
    "BETTER": ("blue", ":material/check_circle:"),
    "NOT BETTER": ("orange", ":material/cancel:"),
    "NOT JUDGED": ("gray", ":material/help:"),
    "DAMAGED": ("red", ":material/broken_image:"),
}


def show() -> None:
    """Draw the page."""
    cards = bundle_cards(home())
    if not cards:
        st.info("No policy bundles yet.", icon=":material/deployed_code:")
        st.code("ploutos demo\nploutos tune run --scenario demo", language="bash")
        return
    better = sum(card.badge == "BETTER" for card in cards)
    plural = "" if len(cards) == 1 else "s"
    st.caption(f"{len(cards)} bundle{plural}, {better} better than their baselines; newest first.")
    for card in cards:
        with st.container(border=True):
            _show_card(card)


def _show_card(card: BundleCard) -> None:
    color, icon = _BADGES[card.badge]
    st.badge(card.badge, color=color, icon=icon)
    st.subheader(f"Bundle {card.path.name}", anchor=False)
    if card.fault:
        st.error(card.fault, icon=":material/error:")
        st.code(f"ploutos model verify {card.path.name}", language="bash")
    if card.manifest is None:
        return
    _show_mark(card.path, card.manifest.bundle_id)
    if card.verdict is not None:
        _show_verdict(card.verdict)
    _show_origin(card.manifest)
    _show_model_card(card.path, card.manifest.bundle_id)


def _show_mark(folder: Path, bundle_id: str) -> None:
    """UNPROVEN, where a person let the bundle past the gate."""
    try:
        mark = read_unproven(folder, bundle_id)
    except BundleError as error:
        st.error(f"{error.what}: {error.why}", icon=":material/error:")
        return
    if mark is not None:
        st.badge("UNPROVEN", color="red", icon=":material/warning:")
        st.markdown(f"Let past the gate by {mark.who} on {mark.at:%Y-%m-%d}: {mark.reason}")
        for failed in mark.failed:
            st.markdown(f"- failed: {failed}")


def _show_verdict(verdict: VerdictRecord) -> None:
    show_tiles(
        Tile(
            "Sharpe, out of sample",
            f"{verdict.sharpe:.2f}",
            f"95 %: {verdict.sharpe_low:+.2f} to {verdict.sharpe_high:+.2f}",
        ),
        Tile("Deflated Sharpe", f"{verdict.deflated_sharpe:.2f}", f"over {verdict.trials} trials"),
        Tile("Luck alone reaches", f"{verdict.deflation_threshold:.2f}"),
        Tile("Sessions judged", f"{verdict.days:,}"),
    )
    if verdict.excess:
        st.dataframe(
            pl.DataFrame([row.model_dump(exclude={"kind", "symbol"}) for row in verdict.excess]),
            hide_index=True,
            column_config={
                "baseline": "against",
                "excess": st.column_config.NumberColumn("Sharpe above it", format="%+.2f"),
                "low": st.column_config.NumberColumn("95 % from", format="%+.2f"),
                "high": st.column_config.NumberColumn("to", format="%+.2f"),
            },
        )
    for reason in verdict.reasons:
        st.markdown(f"- {reason}")


def _show_origin(manifest: Manifest) -> None:
    data, lineage = manifest.data, manifest.lineage
    st.markdown(
        f"**{data.label}** bars, {data.interval}, {data.start:%Y-%m-%d} to {data.end:%Y-%m-%d}, "
        f"{len(manifest.symbols)} symbols, {len(manifest.feature_names)} features · "
        f"scenario `{manifest.scenario}` · learner `{manifest.learner}` · "
        f"sweep `{lineage.sweep}` · trial `{lineage.trial}` · seed {lineage.seed}"
    )
    with st.expander("Hashes, parameters and metrics"):
        st.json(
            {
                "files": manifest.files,
                "features": manifest.feature_fingerprint,
                "data": data.fingerprint,
                "parameters": lineage.config,
                "metrics": manifest.metrics,
                "symbols": manifest.symbols,
            }
        )


def _show_model_card(folder: Path, bundle_id: str) -> None:
    """What the bundle says of itself; a bundle from before there were cards says nothing."""
    try:
        check_card(folder, bundle_id)
    except BundleError as error:
        st.error(f"{error.what}: {error.why}", icon=":material/error:")
        return
    if (folder / CARD_FILE).exists():
        with st.expander("Model card"):
            st.markdown((folder / CARD_FILE).read_text("utf-8"))


show()
