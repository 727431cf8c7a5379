"""From pixels to a decision: image check, runtime, reading and saliency overlay."""
