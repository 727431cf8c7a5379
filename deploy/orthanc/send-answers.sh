#!/bin/sh
# Puts the DICOM objects of `watch` into Orthanc by its REST interface, each once.
# sh send-answers.sh OUT http://127.0.0.1:8042 [once]
# ORTHANC_USER as name:password where Orthanc asks for one. An object that Orthanc does not take
# stays in OUT and is tried again; one that it took is in OUT/sent.
set -u
out=$1
url=$2
mkdir -p "$out/sent"
while :; do
  failed=0
  for file in "$out"/*.dcm; do
    [ -f "$file" ] || continue
    if curl --silent --show-error --fail --output /dev/null ${ORTHANC_USER:+--user "$ORTHANC_USER"} \
      --header 'Content-Type: application/dicom' --data-binary "@$file" "$url/instances"; then
      mv "$file" "$out/sent/"
    else
      failed=$((failed + 1))
    fi
  done
  if [ "${3-}" = once ]; then
    [ "$failed" -eq 0 ]
    exit
  fi
  sleep 2
done
