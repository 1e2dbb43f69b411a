"""gonogo: decides, with evidence, whether one model may replace another when its output drives a robot."""

__version__ = "0.1.0"
