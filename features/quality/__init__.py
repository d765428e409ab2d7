"""Data quality: what is wrong with bars, told before anyone learns from them."""

from features.quality.check import QualityReport, check_quality
from features.quality.thresholds import Thresholds

__all__ = ["QualityReport", "Thresholds", "check_quality"]
