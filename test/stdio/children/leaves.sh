# Exits at once and leaves a child in its group, which holds its stdout.
sleep 300 &
echo "left $!"
exit 5
