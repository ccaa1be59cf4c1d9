# Those who have no certificate and mean harm, all at once at a real node: it does its work, lets its
# own in, and keeps nothing of them. How much slower a job becomes is measured (tests/bench: flood).
# shellcheck disable=SC2154
load lib.bash

KINDS='idle again half drip noise shake bomb guess'
SECONDS_LONG=6
MEMORY_KB=16384 # 64 strangers of 64 KiB are 4 MiB; the rest is room

flood() { nice -n 19 "$VELUM_OBJECTS/tests/bench/flood" "$@"; } # other tests run beside it

peak_kb() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"; }
descriptors() { find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l; }
descriptors_are() { [ "$(descriptors "$1")" -le "$2" ]; }

# begin_flood: in the background; what each kind did is in `flooded`.
begin_flood() {
    flood "$PORT_a" "$SECONDS_LONG" "$@" >flooded 2>&1 3>&- &
    flood_pid=$!
}

@test "a flood of strangers: the job ends right, a node comes in, nothing is left behind" {
    # shellcheck disable=SC2086
    node a --slots 1 --bind 127.0.0.1
    velum run --progress none pi 1000000
    before=$(peak_kb "$PID_a")
    job=$(velum run -d sleep 200)
    had=$(descriptors "$PID_a")
    # shellcheck disable=SC2086
    begin_flood $KINDS
    sleep 1
    node b --slots 1
    until_true 15 alive_is 2
    run -0 --separate-stderr velum run --progress none pi 100000000
    [ "$output" = 3.14159265358979 ]
    wait "$flood_pid"
    for kind in $KINDS; do
        count=$(sed -n "s/^$kind //p" flooded)
        [ "$count" -gt 0 ] || { echo "$kind opened nothing: $(cat flooded)" && return 1; }
    done
    echo "# of 10,000 idle connections $(sed -n 's/^idle //p' flooded) were opened" >&3
    velum wait "$job"
    peak=$(peak_kb "$PID_a")
    [ $((peak - before)) -lt $MEMORY_KB ] || { echo "from $before to $peak kB" && return 1; }
    # Of the strangers nothing; of the new node two connections at most.
    until_true 15 descriptors_are "$PID_a" $((had + 2))
    # Ten guesses of a network are looked at in a minute, and the others not even told of.
    [ "$(grep -c 'somebody could not join' a.log)" -le 10 ]
    [ "$(wc -l <a.log)" -lt 60 ]
}

# closed_within MS BYTES: whoever sends that, and then nothing, is thrown out by then, and told
# nothing.
closed_within() {
    local begin told
    begin=$(milliseconds)
    exec 9<>"/dev/tcp/127.0.0.1/$PORT_a"
    # shellcheck disable=SC2059
    # It may be thrown out at the first line, or while it reads.
    (printf "$2" >&9) 2>/dev/null || true
    told=$({ timeout 8 cat <&9 || true; } 2>/dev/null | wc -c)
    exec 9>&-
    took=$(($(milliseconds) - begin))
    [ "$took" -lt "$1" ] || { echo "after $took ms" && return 1; }
    [ "$told" -le 7 ] || { echo "$told bytes were told" && return 1; } # an alert is seven
}

@test "who speaks no TLS, half of it, or nothing, is told nothing and closed at its time" {
    node a --slots 1
    closed_within 5000 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
    closed_within 5000 'VL\001\000\000\000\000\000\000\000\000\000\000\000\000\000'
    closed_within 5000 'SSH-2.0-OpenSSH_9.2\r\n'
    closed_within 5000 '\026\003\001\377\377\001\000' # a record of 64 KiB
    closed_within 5000 '\026\003\001\001\000\001'
    closed_within 5000 ''
    run -0 velum nodes
}

# hold COUNT: so many connections over the control socket; prints a line when they are open, and
# for each line that it reads one with the numbers of those that the node has closed.
hold() {
    perl -MSocket -e '
        my ($path, $count) = @ARGV;
        my @held;
        $| = 1;
        for (1 .. $count) {
            socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die "socket: $!";
            connect($s, pack_sockaddr_un($path)) or die "connect: $!";
            push @held, $s;
        }
        print "open\n";
        while (<STDIN>) {
            my @closed;
            for (0 .. $#held) {
                my $ready = "";
                vec($ready, fileno($held[$_]), 1) = 1;
                push @closed, $_ if select($ready, undef, undef, 0);
            }
            print "@closed\n";
        }' "$VELUM_HOME/nodes/$PORT_a/control" "$1"
}

@test "a node with 1,024 connections takes one more, and the one that was idle for longest goes" {
    ulimit -n 2048 || skip "a test may not have so many files open"
    node a --slots 1
    coproc held { hold 1024; }
    read -r -t 20 word <&"${held[0]}"
    [ "$word" = open ]
    run -0 velum nodes
    echo >&"${held[1]}"
    read -r -t 20 closed <&"${held[0]}"
    kill "$held_PID"
    # Eight are accepted at once, and met in any order.
    [[ $closed =~ ^[0-7]$ ]] || { echo "closed: $closed" && return 1; }
}
