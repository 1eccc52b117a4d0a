#!/usr/bin/env bash
# install.sh - what the stack needs from Debian's packages: Java, Maven, MariaDB's
# programs (without its service), curl, python3. Run it as root; it does nothing
# when everything is there.
set -euo pipefail
PATH=$PATH:/usr/sbin
packages=()
want() { command -v "$1" >/dev/null || packages+=("$2"); }
want java default-jre-headless
want mvn maven
want mariadbd mariadb-server-core
want mariadb mariadb-client-core
want curl curl
want python3 python3-minimal
want setsid util-linux
want ps procps
[ ${#packages[@]} -gt 0 ] || exit 0
command="apt-get install -y --no-install-recommends ${packages[*]}"
if ! command -v apt-get >/dev/null; then
  echo "the stack needs what Debian calls ${packages[*]}: install them with this system's package manager" >&2
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  echo "the stack needs some packages; as root: apt-get update && $command" >&2
  exit 1
fi
echo "installing ${packages[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >&2
$command >&2
