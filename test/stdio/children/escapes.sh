# Has a child in a session of its own, and ends by the end of its stdin.
setsid sleep 300 > /dev/null 2>&1 < /dev/null &
echo "escaped"
exec cat
