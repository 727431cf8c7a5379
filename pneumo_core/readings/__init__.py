"""What was read is kept, judged, printed and handed on: the log, verdicts, reports, DICOM."""
