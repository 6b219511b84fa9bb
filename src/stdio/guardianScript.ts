/**
 * What a guardian does, for any POSIX shell: it keeps a list of groups by what it is told on stdin, `+ group start` and
 * `- group`, and at the end of stdin, which is our end, it ends those that are left. It compares start times as
 * `ProcessGroup` does, before each signal; `-` stands for one that can't be told. `= marker` is what the environments of
 * our processes begin with: by it those are found that we had no time to tell of, and those that have left their groups.
 * `.` says that there are none of these, because we end in good order.
 */

/** What is left has a second to go by itself, or to be there at all; then so long after SIGTERM, in s. */
const TERM = 3;

export const GUARDIAN_SCRIPT = `
trap '' HUP INT TERM
groups=' '
marks=
while read -r told id start; do
  case $told in
  +) groups="$groups$id:$start " ;;
  -)
    kept=' '
    for group in $groups; do
      [ "\${group%%:*}" = "$id" ] || kept="$kept$group "
    done
    groups=$kept
    ;;
  =) marks="$marks $id" ;;
  .) marks= ;;
  esac
done
[ "$groups$marks" = ' ' ] && exit 0

ours() {
  [ "\${1#*:}" = - ] && return 0
  start=\${1#*:}
  stat=$(cat "/proc/\${1%%:*}/stat" 2>/dev/null) || return 0
  set -- \${stat##*)}
  [ "\${20}" = "$start" ]
}

# With a signal's name; says whether there was anybody.
signal() {
  found=1
  for group in $groups; do
    ours "$group" && kill "-$1" "-\${group%%:*}" 2>/dev/null && found=0
  done
  for mark in $marks; do
    for file in $(grep -lsF -e "$mark" /proc/[0-9]*/environ 2>/dev/null); do
      file=\${file%/environ}
      kill "-$1" "\${file#/proc/}" 2>/dev/null && found=0
    done
  done
  return $found
}

sleep 1
signal 0 || exit 0
signal TERM
signal CONT
for second in ${seconds(TERM)}; do
  signal 0 || exit 0
  sleep 1
done
signal KILL
`;

function seconds(count: number): string {
  return Array.from({ length: count }, (_, n) => n + 1).join(' ');
}
