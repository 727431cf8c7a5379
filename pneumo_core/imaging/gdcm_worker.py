"""Decode one JPEG, JPEG Lossless or JPEG-LS frame with GDCM, as a process of its own.

GDCM ends its whole process when a frame is damaged, so it never runs inside the program. Run as
a script: transfer syntax, rows, columns and bits a sample as arguments, the frame on standard
input, little-endian samples (uint8 up to 8 bits, else uint16) on standard output.
"""

from __future__ import annotations

import sys
from contextlib import suppress

_MEMORY = 1_500_000_000  # bytes of address space


def main(syntax: str, rows: int, columns: int, bits: int) -> None:
    """Decode standard input to standard output; any failure is an exit code other than 0."""
    _limit_memory()
    import gdcm  # type: ignore[import-untyped]

    frame = sys.stdin.buffer.read()
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())

    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetDataElement(element)
    grey = gdcm.PhotometricInterpretation.MONOCHROME2
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(grey))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    image.SetPixelFormat(gdcm.PixelFormat(1, 8 if bits <= 8 else 16, bits, bits - 1, 0))
    # GDCM hands bytes over as a str with surrogates.
    sys.stdout.buffer.write(image.GetBuffer().encode("utf-8", "surrogateescape"))


def _limit_memory() -> None:
    """A frame of 100 million pixels of 16 bits takes 600 MB; a hostile one gets no more."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        limit = _MEMORY if most == resource.RLIM_INFINITY else min(_MEMORY, most)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]))
