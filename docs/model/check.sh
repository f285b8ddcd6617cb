#!/usr/bin/env bash
# Checks the models of the move protocol exhaustively, then that each mutant (a bug put in by -D) is
# found. Prints a table; exits 1 on any surprise, 77 when it cannot run (no spin, no C compiler).
#
#   check.sh            all cases: one core, under 4 minutes of it, under 3 GiB
#   check.sh WORD       only the cases whose name contains it
set -u
here=$(cd "$(dirname "$0")" && pwd)
only="${1:-}"
seconds_max=150  # Of the processor, for one case; what takes longer is a failure.
mebibytes_max=2900
for tool in spin gcc; do
  if ! command -v "$tool" >/dev/null; then
    echo "SKIPPED: '$tool' is not installed (./run setup installs it)"
    exit 77
  fi
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
row='%-5s  %-52s  %-10s  %-22s  %10s  %6s  %6s\n'

# check MODEL NAME holds|violated DEFINES...
check() {
  local model=$1 name=$2 expected=$3 verdict errors states memory found started
  shift 3
  [[ "$name" == *"$only"* ]] || return 0
  local folder="$work/case"
  rm -rf "$folder" && mkdir "$folder" && cp "$here/$model" "$folder"
  started=$EPOCHREALTIME
  # A property of whole runs is checked for those in which no process is passed over for ever (-f).
  local kind=(-DSAFETY) search=(-m300000)
  if grep -q '^ltl' "$here/$model"; then
    kind=(-DNFAIR=4) search=(-m300000 -a -f)
  fi
  verdict=$(
    cd "$folder" || exit 1
    spin -a "$@" "$model" >log 2>&1 || { cat log; exit 1; }
    gcc -O1 "${kind[@]}" -DCOLLAPSE -DVECTORSZ=2048 "-DMEMLIM=$mebibytes_max" -o pan pan.c \
      >log 2>&1 || { cat log; exit 1; }
    ulimit -t "$seconds_max"
    ./pan "${search[@]}" -w22 2>&1
  )
  errors=$(grep -oE 'errors: [0-9]+' <<<"$verdict" | tail -1 | grep -oE '[0-9]+')
  states=$(grep -oE '[0-9.e+]+ states, stored' <<<"$verdict" | head -1 | cut -d' ' -f1)
  memory=$(grep -oE '[0-9.]+.total actual memory' <<<"$verdict" | grep -oE '^[0-9]+')
  local cut_short='interrupted|max search depth too small|out of memory|reached -DMEMLIM'
  if [ -z "$errors" ] || grep -qE "$cut_short" <<<"$verdict"; then
    found=incomplete
    [ "${errors:-0}" -gt 0 ] && found=violated
  elif [ "$errors" -gt 0 ]; then
    found=violated
  else
    found=holds
  fi
  local mark=ok
  if [ "$found" = "$expected" ]; then
    passed=$((passed + 1))
  else
    mark=FAIL
    failed=$((failed + 1))
  fi
  # shellcheck disable=SC2059
  printf "$row" "$mark" "$name" "$expected" "$found" "${states:--}" "${memory:--}" \
    "$(awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')"
  [ "$mark" = ok ] || grep -E 'assertion|acceptance|end state|rror' <<<"$verdict" | head -5
}

# shellcheck disable=SC2059
printf "$row" "" case expected found states MiB s
relay() { check relay.pml "$@"; }
faulty=(-DDURABLE -DCRASH -DSUSPECT)
relay "moves and aborts, 2 hosts" holds -DN=3 -DH=2 -DMOVES=3
relay "moves and aborts, 3 hosts" holds -DN=3 -DH=3 -DMOVES=2
relay "three moves, 3 hosts" holds -DN=2 -DH=3 -DMOVES=3
relay "durable: moves" holds -DN=2 -DH=2 -DMOVES=2 -DDURABLE
relay "durable: crash" holds -DN=2 -DH=2 -DMOVES=1 -DDURABLE -DCRASH
relay "durable: false suspicion" holds -DN=2 -DH=2 -DMOVES=1 -DDURABLE -DSUSPECT
relay "durable: either fault, 2 moves, 3 hosts" holds -DN=1 -DH=3 -DMOVES=2 "${faulty[@]}"
relay "durable: either fault, 2 inputs, 2 moves" holds -DN=2 -DH=2 -DMOVES=2 "${faulty[@]}"
relay "durable: two faults, 2 moves" holds -DN=1 -DH=2 -DMOVES=2 -DFAULTS=2 "${faulty[@]}"
pair() { check pair.pml "$@"; }
pair "both ends move, 2 hosts" holds -DN=2 -DH=2 -DMOVES=3
pair "both ends move, 3 hosts" holds -DN=1 -DH=3 -DMOVES=2

moving=(-DN=2 -DH=2 -DMOVES=2)
relay "mutant: unfreeze without the CAS" violated "${moving[@]}" -DMUT_UNFREEZE
relay "mutant: the source waits for ever" violated "${moving[@]}" -DMUT_NOABORT
relay "mutant: target activates without CAS" violated "${moving[@]}" -DMUT_NOCAS
relay "mutant: staging expires blindly" violated "${moving[@]}" -DMUT_EXPIRE
relay "mutant: dedup state not in snapshot" violated "${moving[@]}" -DMUT_NODEDUP
relay "mutant: outbox not in snapshot" violated "${moving[@]}" -DMUT_NOOUTBOX
relay "mutant: sender moved without numbers" violated "${moving[@]}" -DMUT_NONUMBERS

crash=(-DN=2 -DH=2 -DMOVES=1 -DDURABLE -DCRASH)
suspicion=(-DN=2 -DH=2 -DMOVES=1 -DDURABLE -DSUSPECT)
relay "mutant: ack before checkpoint, crash" violated "${crash[@]}" -DMUT_ACKEARLY
relay "mutant: ack before checkpoint, suspicion" violated "${suspicion[@]}" -DMUT_ACKEARLY
relay "mutant: output before checkpoint, crash" violated "${crash[@]}" -DMUT_OUTEARLY
relay "mutant: output before checkpoint, suspicion" violated "${suspicion[@]}" -DMUT_OUTEARLY
relay "mutant: checkpoint not fenced, suspicion" violated "${suspicion[@]}" -DMUT_CKPTNOFENCE
relay "mutant: dead node's checkpoint, suspicion" violated "${suspicion[@]}" -DMUT_CKPTNONODE
relay "mutant: a move counts as a checkpoint, crash" violated "${crash[@]}" -DMUT_COVERED

pair "mutant: a known way is never replaced" violated -DN=1 -DH=2 -DMOVES=2 -DMUT_STICKY
pair "mutant: silence asks nobody" violated -DN=1 -DH=2 -DMOVES=2 -DMUT_LOST

echo "$passed as expected, $failed not"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
