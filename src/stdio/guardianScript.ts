/**
 * What a guardian does, for any POSIX shell: it keeps a list of groups by what it is told on stdin, `+ group start` and
 * `- group`, and at the end of stdin, which is our end, it ends those that are left. It compares start times as
 * `ProcessGroup` does, before each signal; `-` stands for one that can't be told.
 */

/** What is left has so long to go by itself, then so long after SIGTERM, in s. */
const GRACE = 1;
const TERM = 3;

export const GUARDIAN_SCRIPT = `
trap '' HUP INT TERM
groups=' '
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
  esac
done

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
  return $found
}

# For so many seconds at most.
await() {
  for second in $1; do
    signal 0 || exit 0
    sleep 1
  done
}

await '${seconds(GRACE)}'
signal TERM
signal CONT
await '${seconds(TERM)}'
signal KILL
`;

function seconds(count: number): string {
  return Array.from({ length: count }, (_, n) => n + 1).join(' ');
}
