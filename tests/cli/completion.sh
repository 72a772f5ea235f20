#!/usr/bin/env bash
# Completions are read by the shells themselves, where they are installed.
. "$(dirname "$0")/../lib.sh"
cd "$work"

"$eksact" completion bash >bash
"$eksact" completion zsh >zsh
"$eksact" completion fish >fish

# complete_bash WORDS...: what bash offers for the last of them.
complete_bash() {
    # shellcheck disable=SC2016
    bash --norc -c '. ./bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _eksact; printf "%s\n" "${COMPREPLY[@]}"' complete "$@" >out
}
complete_bash eksact pl
[ "$(cat out)" = plan ] || fail "bash: a verb"
complete_bash eksact plan --for
[ "$(cat out)" = --format ] || fail "bash: an option"
complete_bash eksact plan --sand
[ "$(cat out)" = --sandbox ] || fail "bash: an option of all that connects"
complete_bash eksact version --
expect_no_text --sandbox
"$eksact" help | sed -n 's/^  \([a-z]*\) .*/\1/p' | grep -v '^eksact$' | sort >verbs
complete_bash eksact ''
sort out | cmp -s - verbs || fail "bash: all verbs"

while read -r verb; do
    grep -qF "'$verb:" zsh || fail "zsh: $verb"
    grep -qF -- "-a $verb " fish || fail "fish: $verb"
done <verbs
if command -v zsh >/dev/null; then zsh -fn zsh || fail "zsh does not take them"; fi
if command -v fish >/dev/null; then fish --no-config --no-execute fish || fail "fish does not take them"; fi
