# shellcheck shell=bash disable=SC2034,SC2154
# process.sh - sourced by the scripts of this folder: one background process
# per component, found again by its pid file.
#
# The sourcing script sets: component (its name), dir (its work folder, absolute),
# log and pidfile (in dir).
#
# STACK_CACHE  folder of downloads  [${XDG_CACHE_HOME:-~/.cache}/customer360-stack]

umask 077
cache=${STACK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/customer360-stack}

say() { echo "$component: $*" >&2; }

die() { say "$*"; exit 1; }

# fail MESSAGE [LOG]: with the end of the component's log, or of another one.
fail() {
  local of=${2:-$log}
  say "$1"
  if [ -s "$of" ]; then
    echo "--- the last lines of $of" >&2
    tail -n 15 "$of" >&2
    echo "---" >&2
  fi
  exit 1
}

# need TOOL PACKAGE...: the packages are Debian's.
need() {
  local tool=$1; shift
  command -v "$tool" >/dev/null && return
  die "the program $tool is missing: apt-get install -y --no-install-recommends $* (as root; deploy/stack/install.sh installs all that the stack needs)"
}

# alive PID: there and not a zombie (kill -0 succeeds on one that nobody reaped).
alive() { case $(ps -o stat= -p "$1" 2>/dev/null) in '' | Z*) return 1 ;; esac; }

# running: the pid file's process is alive and is this component's. A pid is
# used again after a reboot, so its command line must name the work folder.
running() {
  local pid
  [ -s "$pidfile" ] && pid=$(cat "$pidfile") && alive "$pid" || return 1
  case $(ps -ww -o args= -p "$pid" 2>/dev/null) in *"$dir"*) ;; *) return 1 ;; esac
}

# listening PORT: something accepts connections there.
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# launch COMMAND...: in a session of its own, so that a Ctrl-C in the caller's
# terminal does not reach it, and without the locks held here. It writes its pid
# itself: whoever kills this script finds it.
launch() {
  rm -f "$pidfile"
  # shellcheck disable=SC2016
  setsid bash -c 'echo $$ >"$0" && exec "$@"' "$pidfile" "$@" >"$log" 2>&1 </dev/null 7>&- 8>&- 9>&- &
  until [ -s "$pidfile" ]; do
    alive $! || fail "could not be started, see $log"
    sleep 0.05
  done
}

# await SECONDS CHECK...: until CHECK succeeds; fails when the process dies, or
# after SECONDS.
await() {
  local seconds=$1 end; shift
  end=$((SECONDS + seconds))
  until "$@"; do
    alive "$(cat "$pidfile")" || fail "died while it started, see $log"
    [ "$SECONDS" -lt "$end" ] || fail "no answer after $seconds s, see $log"
    sleep 0.2
  done
}

# terminate: SIGTERM, and SIGKILL after STOP_SECONDS [60].
terminate() {
  local pid end
  if running; then
    pid=$(cat "$pidfile")
    kill "$pid" 2>/dev/null || true
    end=$((SECONDS + ${STOP_SECONDS:-60}))
    while alive "$pid" && [ "$SECONDS" -lt "$end" ]; do sleep 0.1; done
    if alive "$pid"; then
      say "pid $pid did not end in ${STOP_SECONDS:-60} s: killed"
      kill -9 "$pid" 2>/dev/null || true
      while alive "$pid"; do sleep 0.1; done
    fi
    say "stopped"
  fi
  rm -f "$pidfile"
}

# one_download: holds the cache's lock until the function or script ends, so that
# one caller downloads and the others find it.
one_download() {
  mkdir -p "$cache"
  exec 7>"$cache/lock"
  flock 7
}

# only_once: holds the folder's lock until the script ends, so that two callers
# do not start the same component twice.
only_once() {
  mkdir -p "$dir"
  exec 9>"$dir/lock"
  flock 9
}

# manual SCRIPT: the comment at its top.
manual() { sed -n '2,/^set /p' "$1" | sed '$d; s/^# \{0,1\}//'; }

# password_in FILE: made at random when it is not there. Without a newline, as
# Connect's DirectoryConfigProvider takes the whole file.
password_in() {
  if [ ! -s "$1" ]; then
    mkdir -p "$(dirname "$1")"
    head -c 18 /dev/urandom | base64 | tr -d '\n/+=' >"$1.new"
    mv "$1.new" "$1"
  fi
  cat "$1"
}
