"""Bytes to an 8-bit grey image: formats, decoding, DICOM, display."""
