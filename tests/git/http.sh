#!/usr/bin/env bash
# Reads repositories over HTTP: nginx and git's own http-backend on loopback,
# with and without a password and TLS, and a server that misbehaves.
#
#   tests/git/http.sh READ    (READ is tests/git/read.c, built)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
me="git over HTTP"
# shellcheck source-path=SCRIPTDIR source=../real/lib.sh
. "$here/../real/lib.sh"

[ $# = 1 ] || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; }
reader=$1
nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || die "nginx is not installed (Debian package nginx-light)"
fcgiwrap=$(PATH=$PATH:/usr/sbin command -v fcgiwrap) || die "fcgiwrap is not installed"

work=$(mktemp -d)
# shellcheck disable=SC2154 # dir is set by prepare_dir
trap 'status=$?; stop_recorded || true; rm -rf "$work"; exit "$status"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
prepare_dir "$work/run"
export HOME=$work GIT_CONFIG_NOSYSTEM=1 CACHE=$work/cache

checks=0 failures=0
# check NAME STATUS PATTERN COMMAND...: exit status, and a line that matches
check() {
    local name=$1 wanted=$2 pattern=$3 status=0 output
    shift 3
    checks=$((checks + 1))
    output=$("$@" 2>&1) || status=$?
    if [ "$status" != "$wanted" ] || ! grep -qE -- "$pattern" <<<"$output"; then
        failures=$((failures + 1))
        printf 'not ok: %s: exit %s instead of %s, or no /%s/ in:\n%s\n' \
            "$name" "$status" "$wanted" "$pattern" "$(tail -n 20 <<<"$output")"
    fi
    if grep -q hunter2 <<<"$output"; then
        failures=$((failures + 1))
        printf 'not ok: %s: the password is in the output\n' "$name"
    fi
}

# The repository.
git=(git -C "$work/tree" -c user.name=t -c user.email=t@t)
git init -q -b main "$work/tree"
mkdir -p "$work/tree/apps" "$work/srv"
echo one >"$work/tree/apps/a.yaml"
for i in {1..300}; do echo "file $i" >"$work/tree/apps/f$i.yaml"; done
head -c 300000 /dev/urandom >"$work/tree/large.bin"
"${git[@]}" add . && "${git[@]}" commit -qm 'first commit'
first=$("${git[@]}" rev-parse HEAD)
"${git[@]}" tag -am 'release' v1 && "${git[@]}" branch dev
"${git[@]}" tag blob main:apps/a.yaml
git clone -q --bare "$work/tree" "$work/srv/fleet.git"
git init -q --bare -b main "$work/srv/empty.git"
git clone -q --bare "$work/tree" "$work/srv/unborn.git"
git -C "$work/srv/unborn.git" symbolic-ref HEAD refs/heads/mani
mkdir -p "$work/static/dumb.git/info"
printf '%s\trefs/heads/main\n' "$first" >"$work/static/dumb.git/info/refs"
printf 'u:%s\n' "$(openssl passwd -apr1 hunter2)" >"$work/htpasswd"

# A private authority and its server.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -batch -days 2 -subj /CN=authority \
    -keyout "$work/ca.key" -out "$work/ca.pem" 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -batch -subj /CN=localhost \
    -keyout "$work/tls.key" -out "$work/tls.csr" 2>/dev/null
openssl x509 -req -in "$work/tls.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 2 \
    -extfile <(echo subjectAltName=IP:127.0.0.1,DNS:localhost) -out "$work/tls.pem" 2>/dev/null

lock_ports
plain=$(free_port)
tls=$(free_port "$plain")
odd=$(free_port "$plain" "$tls")
cat >"$work/nginx.conf" <<END
daemon off; worker_processes 1; pid $work/nginx.pid; error_log stderr;
$([ "$(id -u)" != 0 ] || echo "user root;")
events {}
http {
    access_log $work/access.log; client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3;
    uwsgi_temp_path $work/t4; scgi_temp_path $work/t5; client_max_body_size 0;
    fastcgi_param SCRIPT_FILENAME $(git --exec-path)/git-http-backend;
    fastcgi_param GIT_PROJECT_ROOT $work/srv; fastcgi_param GIT_HTTP_EXPORT_ALL 1; fastcgi_param PATH_INFO \$backend_path;
    fastcgi_param QUERY_STRING \$query_string; fastcgi_param REQUEST_METHOD \$request_method;
    fastcgi_param CONTENT_TYPE \$content_type; fastcgi_param CONTENT_LENGTH \$content_length; fastcgi_param REMOTE_USER \$remote_user;
    server {
        listen 127.0.0.1:$plain; listen 127.0.0.1:$tls ssl;
        ssl_certificate $work/tls.pem; ssl_certificate_key $work/tls.key;
        set \$backend_path "";
        location ~ ^/git(/.*)\$ { set \$backend_path \$1; fastcgi_pass unix:$work/fcgi.sock; }
        location ~ ^/private(/.*)\$ {
            auth_basic git; auth_basic_user_file $work/htpasswd;
            set \$backend_path \$1; fastcgi_pass unix:$work/fcgi.sock;
        }
        location ~ ^/moved/([a-z]+)/info/refs { return 301 /private/\$1.git/info/refs?\$query_string; }
        location ~ ^/around/ { return 302 \$uri?\$query_string; }
        location ~ ^/away/([a-z]+)/info/refs { return 302 http://localhost:$plain/git/\$1.git/info/refs?\$query_string; }
        location /denied { return 403; }
        location /busy { return 503; }
        location /static { alias $work/static; }
        location /text { default_type text/html; return 200 hello; }
    }
}
END
spawn fcgiwrap "$fcgiwrap" -f -s "unix:$work/fcgi.sock"
spawn nginx "$nginx" -c "$work/nginx.conf" -p "$work"
spawn odd python3 "$here/server.py" "$odd" "$work/srv/fleet.git"
wait_for nginx 20 "port $plain" port_answers "$plain"
wait_for odd 20 "port $odd" port_answers "$odd"
unlock_ports
url=http://127.0.0.1:$plain secure=https://127.0.0.1:$tls misbehaving=http://127.0.0.1:$odd

# What works.
check "clone" 0 "^commit $first\$" "$reader" "$url/git/fleet.git"
check "content" 0 '^apps/f300.yaml=file 300$' "$reader" "$url/git/fleet.git/"
check "branch" 0 '^apps/a.yaml=one$' "$reader" "$url/git/fleet.git" dev
check "tag with a message" 0 "^commit $first\$" "$reader" "$url/git/fleet.git" v1
check "commit" 0 '^subject first commit$' "$reader" "$url/git/fleet.git" "$first"
check "path" 0 '^apps/a.yaml=one$' "$reader" "$url/git/fleet.git" main apps
check "resolve HEAD" 0 "^$first\$" env RESOLVE=1 "$reader" "$url/git/fleet.git"
check "resolve a tag with a message" 0 "^$first\$" env RESOLVE=1 "$reader" "$url/git/fleet.git" v1
cached=$(echo "$CACHE"/*.git | cut -d' ' -f1)
check "the cache is a whole repository" 0 '' git -C "$cached" fsck --full --strict

echo two >"$work/tree/apps/a.yaml"
"${git[@]}" commit -qam second && "${git[@]}" push -q "$work/srv/fleet.git" main
second=$("${git[@]}" rev-parse HEAD)
: >"$work/access.log"
check "resolve after a push" 0 "^$second\$" env RESOLVE=1 "$reader" "$url/git/fleet.git" main
check "fetch after a push" 0 '^apps/a.yaml=two$' "$reader" "$url/git/fleet.git"
sleep 0.2
# shellcheck disable=SC2016 # awk expands it
check "the fetch was incremental" 0 '^small$' \
    awk '/POST/ { if ($10 > 5000) large = 1; else small = 1 } END { print large ? "large" : small ? "small" : "none" }' "$work/access.log"
: >"$work/access.log"
check "fetch without a change" 0 "^commit $second\$" "$reader" "$url/git/fleet.git"
sleep 0.2
check "no change is one request" 0 '^1 ' wc -l "$work/access.log"
: >"$work/access.log"
check "an older commit out of the cache" 0 "^commit $first\$" "$reader" "$url/git/fleet.git" "$first"
check "needs no request" 0 '^0 ' wc -l "$work/access.log"
check "a commit, cold" 0 "^commit $first\$" env CACHE="$work/cold" "$reader" "$url/git/fleet.git" "$first"
"${git[@]}" push -qf "$work/srv/fleet.git" "$first:main"
check "history taken back" 0 "^commit $first\$" "$reader" "$url/git/fleet.git"

for pack in "$cached"/objects/pack/*.pack; do
    chmod u+w "$pack" && printf 'xxxxxxxxxxxxxxxxxxxx' | dd of="$pack" bs=1 seek=60 conv=notrunc status=none
done
check "a damaged cache is fetched anew" 0 '^apps/f300.yaml=file 300$' "$reader" "$url/git/fleet.git"
touch "$cached/refs/eksact/desired.lock"
"${git[@]}" push -qf "$work/srv/fleet.git" "$second:main"
check "a lock that was left behind" 0 "^commit $second\$" "$reader" "$url/git/fleet.git"
"${git[@]}" push -qf "$work/srv/fleet.git" "$first:main"
flock "${cached%.git}.lock" sleep 1 &
check "waits for another process" 0 "^commit $first\$" "$reader" "$url/git/fleet.git"

check "password" 0 "^commit $first\$" env USER_NAME=u PASSWORD=hunter2 "$reader" "$url/private/fleet.git"
check "redirect on the same origin" 0 "^commit $first\$" env USER_NAME=u PASSWORD=hunter2 "$reader" "$url/moved/fleet"
check "TLS with a private authority" 0 "^commit $first\$" env CA_FILE="$work/ca.pem" "$reader" "$secure/git/fleet.git"
check "TLS and a password" 0 "^commit $first\$" env CA_FILE="$work/ca.pem" USER_NAME=u PASSWORD=hunter2 "$reader" "$secure/private/fleet.git"

# What is refused.
check "unknown authority" 1 'certificate|SSL|TLS|issuer' "$reader" "$secure/git/fleet.git"
check "no password" 1 '^denied: .*HTTP 401.*the server wants a user and a password' "$reader" "$url/private/fleet.git"
check "wrong password" 1 '^denied: .*HTTP 401.*not accepted' env USER_NAME=u PASSWORD=hunter2x "$reader" "$url/private/fleet.git"
check "no such repository" 1 '^missing: .*HTTP 404.*no such repository' "$reader" "$url/git/nothing.git"
check "forbidden" 1 '^denied: .*HTTP 403' "$reader" "$url/denied/fleet.git"
check "unavailable" 1 '^busy: .*HTTP 503' "$reader" "$url/busy/fleet.git"
check "redirect to another host" 1 '^invalid: .*redirects \(HTTP 302\)' env USER_NAME=u PASSWORD=hunter2 "$reader" "$url/away/fleet"
check "redirects in a circle" 1 '^invalid: .*redirects ' "$reader" "$url/around/fleet"
check "dumb HTTP" 1 '^invalid: .*no git repository over smart HTTP' "$reader" "$url/static/dumb.git"
check "no git at all" 1 '^invalid: .*no git repository over smart HTTP' "$reader" "$url/text"
check "nobody listens" 1 '^busy: ' "$reader" http://127.0.0.1:1/fleet.git
check "empty repository" 1 '^invalid: .*the repository is empty' "$reader" "$url/git/empty.git"
check "HEAD without a commit" 1 '^invalid: .*HEAD names a branch without a commit.*branches: dev, main' "$reader" "$url/git/unborn.git"
check "misspelt branch" 1 'no branch, tag or commit "mian"; branches: main, dev' "$reader" "$url/git/fleet.git" mian
check "unknown commit" 1 'no branch or tag has the commit' "$reader" "$url/git/fleet.git" 1234567890123456789012345678901234567890
check "password in the URL" 1 'has a user or a password in it' "$reader" "http://u:hunter2@127.0.0.1:$plain/private/fleet.git"
check "pack over its limit" 1 'larger|limit|more than' env PACK_BYTES=100000 CACHE="$work/c1" "$reader" "$url/git/fleet.git"
check "no cache" 1 'no directory' env -u CACHE "$reader" "$url/git/fleet.git"

# What never ends.
SECONDS=0
check "silent server" 1 '^busy: ' env STALL_MS=1000 "$reader" "$misbehaving/silent"
check "stalling server" 1 '^busy: ' env STALL_MS=1000 "$reader" "$misbehaving/stall"
check "dripping server" 1 '^busy: ' env LIMIT_MS=2000 "$reader" "$misbehaving/drip"
check "silent server, resolve" 1 '^busy: ' env RESOLVE=1 STALL_MS=1000 "$reader" "$misbehaving/silent"
check "endless pack" 1 'larger|limit|more than' env PACK_BYTES=3000000 "$reader" "$misbehaving/endless"
check "half a pack" 1 '^(broken|busy): ' "$reader" "$misbehaving/cut"
check "a blob instead of a commit" 1 '^invalid: .*"refs/tags/blob" is no commit but a blob' "$reader" "$url/git/fleet.git" blob
check "control characters from the server" 1 'no +\[2J +way' "$reader" "$misbehaving/evil"
check "all that within 20 s" 0 '' test "$SECONDS" -lt 20

# What costs nothing: libgit2 1.5 would grow by 23 MB here if it matched refspecs by its regular expressions. A sanitizer's own allocator is less exact.
grown='[0-9]{1,3}'
if grep -q __asan_init "$reader"; then
    grown='[0-9]{1,4}'
    export ASAN_OPTIONS=${ASAN_OPTIONS:-}:quarantine_size_mb=0:thread_local_quarantine_size_kb=0
fi
check "no growth over 300 reads without a change" 0 "^grown (-[0-9]+|$grown)\$" env TIMES=300 "$reader" "$url/git/fleet.git"

printf '%s: %d checks, %d failed\n' "$me" "$checks" "$failures"
[ "$failures" = 0 ]
