#!/bin/bash
# 200 connections that never speak while a peer reconnects; garbage and half frames on the port. The
# node goes on, and its peers and its user get through.
# shellcheck source=tests/chaos/lib.bash
. "$(dirname "$0")/lib.bash"

mesh 2 --slots 1 || { fail flood "the mesh did not form" && finish; }
works() { # works NAME: a job through that node
    [ "$(timeout 10 "$VELUM" run --progress none --addr "$(addr "$1")" pi 1000000 2>/dev/null)" = \
        3.14159265358988 ]
}
memory_kb() { awk '/^VmRSS/ { print $2 }' /proc/"${PID[$1]}"/status; }

# 200 silent ones, kept open by this shell.
silent=()
for ((i = 0; i < 200; i++)); do
    exec {fd}<>"/dev/tcp/127.0.0.1/${PORT[a]}" && silent+=("$fd")
done 2>/dev/null
[ ${#silent[@]} -ge 100 ] || fail flood "only ${#silent[@]} connections could be opened"
kill_node b
node b --slots 1
if wait_until 10 sees_alive b 2 && wait_until 10 sees_alive a 2; then
    ok flood_peer_reconnects
else
    fail flood_peer_reconnects "B does not reach A through 200 silent connections"
fi
if works a; then ok flood_user_gets_through; else fail flood_user_gets_through "no job at A"; fi
for fd in "${silent[@]}"; do
    exec {fd}>&-
done 2>/dev/null

# Each of these is sent once and left open for a while, then closed.
send() { # standard input to A's port
    exec {fd}<>"/dev/tcp/127.0.0.1/${PORT[a]}" || return
    open+=("$fd")
    cat >&"$fd"
}
open=()
before=$(memory_kb a)
{
    for ((i = 0; i < 20; i++)); do
        send < <(head -c 100000 /dev/urandom)
        send < <(printf 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        # A frame's header with the greatest length, and half a one.
        send < <(printf 'VL\001\124\377\377\377\377\0\0\0\0\0\0\0\0')
        send < <(printf 'VL\001\120\0\0')
        # The beginning of a TLS record of 16 KiB that never comes, and an empty one.
        send < <(printf '\026\003\001\100\000\001\000\077\374\003\003')
        send < <(printf '\026\003\003\000\000')
        send < <(printf '\0')
    done
} 2>/dev/null
kill -0 "${PID[a]}" 2>/dev/null || fail flood_garbage "A has ended"
if works a && works b && sees_alive a 2; then
    ok flood_garbage
else
    fail flood_garbage "A does not work any more"
fi
after=$(memory_kb a)
[ "${after:-0}" -lt $((${before:-0} + 32768)) ] ||
    fail flood_garbage "A grew from $before to $after KiB"
for fd in "${open[@]}"; do
    exec {fd}>&-
done 2>/dev/null

# Past the handshake, with a good certificate: garbage and half a frame instead of frames.
speak() { # speak NAME: standard input over TLS as the user
    timeout 1 openssl s_client -quiet -tls1_3 -alpn velum/1 -connect "$(addr a)" \
        -cert "$VELUM_HOME/user.pem" -key "$VELUM_HOME/user.key" >/dev/null 2>&1
}
if command -v openssl >/dev/null; then
    for ((i = 0; i < 2; i++)); do
        head -c 65536 /dev/urandom | speak
        printf 'VL\001\120\0\0' | speak
        printf 'VL\001\120\020\0\0\0\001\0\0\0\0\0\0\0' | speak
    done
    if works a && sees_alive a 2; then
        ok flood_garbage_inside_tls
    else
        fail flood_garbage_inside_tls "A does not work any more"
    fi
fi
finish
