#!/usr/bin/env bash
# install.sh - what the stack needs from Debian's packages: Java, Maven (when the
# jars are not there yet), MariaDB's programs (without its service), curl, python3.
# As root it installs what is missing; else it says what to do. It does nothing
# when everything is there.
#
#   install.sh [--no-mariadb]   without what a server of your own replaces
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH=$PATH:/usr/sbin
component=install dir='' log='' pidfile=''
# shellcheck source-path=SCRIPTDIR source=process.sh
. "$here/process.sh"
packages=()
want() { command -v "$1" >/dev/null || packages+=("$2"); }

case " $* " in *" --no-mariadb "*) ;; *)
  want mariadbd mariadb-server-core
  want mariadb mariadb-client-core ;;
esac
want java default-jre-headless # Connect runs in any case
if [ ! -d "${KAFKA_LIBS:-$cache/kafka-libs-4.3.1}" ] || [ ! -d "${CONNECT_PLUGINS:-$cache/plugins-mariadb-3.3.0.Final}" ]; then
  want mvn maven
fi
want curl curl
want python3 python3-minimal
want setsid util-linux
want ps procps
[ ${#packages[@]} -gt 0 ] || exit 0
if ! command -v apt-get >/dev/null; then
  die "the stack needs what Debian calls ${packages[*]}: install them with this system's package manager"
fi
if [ "$(id -u)" != 0 ]; then
  die "the stack needs some packages; as root: apt-get update && apt-get install -y --no-install-recommends ${packages[*]}"
fi
say "installing ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
{ apt-get update -qq && apt-get install -y --no-install-recommends "${packages[@]}"; } >"/tmp/customer360-install.$$.log" 2>&1 ||
  fail "apt-get could not install ${packages[*]}" "/tmp/customer360-install.$$.log"
rm -f "/tmp/customer360-install.$$.log"
