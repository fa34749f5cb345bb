#!/bin/sh
# require_command.sh COMMAND PURPOSE PACKAGE…: install Debian packages unless the command exists.
set -eu

command=$1 purpose=$2
shift 2
if command -v "$command" >/dev/null; then
    exit 0
elif ! command -v apt-get >/dev/null; then
    echo "$command: not found, needed for $purpose; install it and try again (no apt-get here for: $*)" >&2
    exit 1
elif [ "$(id -u)" != 0 ]; then
    echo "$command: not found, needed for $purpose; run as root: apt-get install $*" >&2
    exit 1
fi
echo "$command: not found, needed for $purpose; installing with apt-get: $*"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends "$@" >/dev/null
