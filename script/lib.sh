# SPDX-License-Identifier: MIT
# What the scripts of this folder share. Source it from bash:  . "$(dirname "$0")/lib.sh"
# It moves to the top of the repository and gives: say, fail, run_quietly, install_packages, build_preset, run_tests.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

jobs=$(nproc 2>/dev/null || echo 2)

# say TEXT...: one line about what happens now.
say() { printf '== %s\n' "$*"; }

# fail TEXT...: ends the script with one clear sentence.
fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# run_quietly WHAT COMMAND...: runs the command; shows its last output, and ends the script, only when it fails.
run_quietly() {
  local what=$1 log
  shift
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    rm -f "$log"
    fail "$what failed; the last lines of its output are above."
  fi
  rm -f "$log"
}

# packages_of GROUP...: names of the packages of these groups in script/packages.txt.
packages_of() {
  local group
  for group in "$@"; do
    awk -v group="$group" '$1 == group { print $2 }' "$root/script/packages.txt"
  done
}

# missing_packages NAME...: those of the named packages that are not installed.
missing_packages() {
  local name
  for name in "$@"; do
    dpkg-query -W -f='${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || printf '%s\n' "$name"
  done
}

# install_packages [GROUP...]: installs what is missing of the groups (default: build); says nothing when all is there.
install_packages() {
  [ $# -gt 0 ] || set -- build
  local names missing
  mapfile -t names < <(packages_of "$@")
  [ "${#names[@]}" -gt 0 ] || fail "script/packages.txt has no group '$*'."
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    say "This is not Debian: taking for granted that you have what these packages hold: ${names[*]}"
    return
  fi
  mapfile -t missing < <(missing_packages "${names[@]}")
  [ "${#missing[@]}" -gt 0 ] || return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      fail "cannot install ${missing[*]}: not root, and there is no sudo. Ask for:  apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "Installing ${missing[*]}"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
  local log
  log=$(mktemp)
  # An update that fails is no reason to stop: the lists at hand may do.
  "${apt[@]}" update >"$log" 2>&1 || true
  if ! "${apt[@]}" install --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    mapfile -t missing < <(missing_packages "${missing[@]}")
    fail "cannot install ${missing[*]}: apt-get's own words are above. Penstock builds on Debian 12 and needs a package mirror."
  fi
  rm -f "$log"
}

# use_ccache: builds go through ccache where it is installed; clones in different folders share what they compiled.
use_ccache() {
  command -v ccache >/dev/null || return 0
  export PENSTOCK_LAUNCHER=${PENSTOCK_LAUNCHER-ccache}
  export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$root} CCACHE_NOHASHDIR=1
}

# build_preset PRESET [TARGET...]: configures and builds build/PRESET; shows compiler output only on failure.
build_preset() {
  local preset=$1 targets=()
  shift
  [ $# -eq 0 ] || targets=(--target "$@")
  use_ccache
  say "Building build/$preset${targets[1]:+ (${*})}"
  run_quietly "cmake --preset $preset" cmake --preset "$preset"
  run_quietly "the build of preset $preset" cmake --build --preset "$preset" -j "$jobs" "${targets[@]}"
}

# run_tests PRESET [CTEST OPTION...]: runs the tests of build/PRESET; lists those that did not pass, and the totals.
run_tests() {
  local preset=$1 without_aslr=()
  shift
  # The thread sanitizer of GCC 12 cannot start where the kernel randomises more address bits than it knows of.
  if [ "$preset" = tsan ] && setarch -R true 2>/dev/null; then without_aslr=(setarch -R); fi
  say "Testing build/$preset"
  "${without_aslr[@]}" ctest --preset "$preset" -j "$jobs" --no-tests=error "$@" | awk '!/^ +Start +[0-9]+:/ && !/ Passed +[0-9.]+ sec$/ { print; fflush() }'
}
