# Is stopped, and hears nothing until it is continued.
echo ready
kill -STOP $$
exec cat
