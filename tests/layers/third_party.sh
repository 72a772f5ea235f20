#!/usr/bin/env bash
# Each library's header stands in the few files that speak to it, and in no header of ours; no banned function stands anywhere. The poison in
# base/banned.h finds the functions too, but only in what is compiled.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

failed=0
complain() {
    printf '%s\n' "$*" >&2
    failed=1
}

# check HEADER-PATTERN FILE-PATTERN: the header may stand in files whose path matches, and nowhere else.
check() {
    local found
    found=$(grep -rlE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]$1[>\"]" controller schema include |
        grep -vE "^($2)$" || true)
    [ -z "$found" ] || complain "$1 is included by $(tr '\n' ' ' <<<"$found"), and may be only by $2"
}

check 'yaml\.h' 'controller/base/yaml\.c'
check 'jansson\.h' 'controller/base/json\.c'
check 'git2[^>"]*' 'controller/world/git[a-z_]*\.[ch]'
check 'curl/[^>"]*' 'controller/world/http_curl\.c'
check 'expat[^>"]*' 'controller/world/aws_xml\.c'
check 'microhttpd\.h' 'controller/world/server\.c'
check 'openssl/[^>"]*' 'controller/base/(hash|secret)\.c|controller/sandbox/certificate\.c'

foreign=$(grep -rnE '#[[:space:]]*include[[:space:]]*<(yaml|jansson|git2|curl|expat|microhttpd|openssl|cmocka)' include || true)
[ -z "$foreign" ] || complain "a header of ours names a library: $foreign"

banned='strcpy|strcat|strncpy|strncat|sprintf|vsprintf|strtok|atoi|atol|atof|gets|gmtime|localtime|ctime|asctime|system|popen|alloca|mktemp|tmpnam'
calls=$(grep -rnE "(^|[^A-Za-z0-9_>.\"])($banned)[[:space:]]*\(" controller schema include tests --include='*.c' --include='*.h' || true)
[ -z "$calls" ] || complain "a banned function is called: $calls"

exit "$failed"
