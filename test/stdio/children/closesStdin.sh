# Closes its stdin and lives on.
exec < /dev/null
echo ready
exec sleep 300
