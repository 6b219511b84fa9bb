# Says why, and fails.
echo 'no configuration found' >&2
printf 'give me \033[31mone\033[0m' >&2
exit 3
