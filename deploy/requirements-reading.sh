#!/bin/sh
# The lines of requirements.txt that reading films needs: without training and its downloads.
# sh deploy/requirements-reading.sh requirements.txt > reading.txt
set -eu
grep -Ev '^(tensorflow|tensorboard|keras|h5py|tf-keras-vis|kagglehub)==' "$1"
