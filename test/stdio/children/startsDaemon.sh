# Starts a daemon that it means to leave behind, outside its group and without the variable of which it is told the name.
setsid env -u "$MARKER" sleep 300 > /dev/null 2>&1 < /dev/null &
echo "daemon $!"
setsid sleep 300 > /dev/null 2>&1 < /dev/null &
echo "forgotten $!"
exec cat
