# What is secret stays where it belongs: after a run with all that a mesh does, no token's secret and
# no key is in any file, output, argument list or environment; and what is on the disk is its user's.
# shellcheck disable=SC2154,SC2030,SC2031
load lib.bash

find_secrets() { perl "$VELUM_ROOT/tests/cli/secrets.pl" "$FOLDER/keys" "$@"; }

# Argument lists and environments of all our processes, over and over until `enough` is there.
watch_processes() {
    perl -e 'my %seen;
        until (-e "enough") {
            for my $p (glob "/proc/[0-9]*") {
                next unless (readlink("$p/exe") // "") eq $ENV{VELUM};
                for my $name ("cmdline", "environ") {
                    open my $f, "<", "$p/$name" or next;
                    my $text = do { local $/; <$f> } // "";
                    print "$text\n" unless $seen{$text}++;
                }
            }
            select undef, undef, undef, 0.02;
        }' >processes
}

on() { # on MACHINE COMMAND...: everything that it says is kept
    local machine=$1 code=0
    shift
    VELUM_HOME=$FOLDER/$machine "$@" >>"$FOLDER/said" 2>&1 || code=$?
    return $code
}

start() { # start MACHINE NAME PORT
    VELUM_HOME=$FOLDER/$1 node_at "$2" "$3" --slots 1 --bind 127.0.0.1 --plugins "$TEST_PLUGINS"
}

ended() { wait "$1" || true; }

# Two machines: one makes a mesh, the other joins it; kernels of each kind run; one node is killed and
# comes back, the other makes itself a new certificate and ends by SIGABRT.
whole_run() {
    local port second string
    port=$(free_port) && PORTS+=("$port")
    second=$(free_port) && PORTS+=("$second")
    ulimit -c unlimited
    start one a "$port"
    string=$(VELUM_HOME=$FOLDER/one velum token create --at "127.0.0.1:$port" 2>>said)
    secret=$(cut -d- -f4 <<<"$string")
    [ ${#secret} = 26 ]
    wrong=$(tr A-Y B-Z <<<"$secret")
    on two velum join --only --port "$second" --token-file - <<<"${string/$secret/$wrong}" &&
        return 1
    on two velum join --only --port "$second" --token-file - <<<"$string"
    on three velum join --only --port "$second" --token-file - <<<"$string" && return 1
    start two b "$second"
    until_true 10 env VELUM_HOME="$FOLDER/one" "$VELUM" nodes --addr "127.0.0.1:$second"
    on one velum run pi 100000000
    on one velum run hostile 1 || true
    on one velum run -e 'i%7' 0..1000 --reduce sum || true # where C is compiled
    job=$(VELUM_HOME=$FOLDER/one velum run -d sleep 60000)
    on one velum kill "$job"
    on one velum token list
    on one velum doctor || true
    on one velum nodes --json
    kill -KILL "$PID_b"
    ended "$PID_b"
    start two b "$second"
    kill -TERM "$PID_a"
    ended "$PID_a"
    rm "one/nodes/$port/node.pem"
    start one a "$port"
    on one velum run pi 100000000
    kill -ABRT "$PID_a"
    ended "$PID_a"
}

@test "after a run with all that there is, no secret is where it does not belong" {
    watch_processes 3>&- &
    watcher=$!
    whole_run
    touch enough
    wait "$watcher"
    find ./one ./two -name '*.key' >keys
    [ "$(wc -l <keys)" -ge 6 ] # root, issuer and user of one, user of two, both nodes
    echo "token $secret" >>keys
    grep -q 'velum.node' <(tr '\0' ' ' <processes)
    grep -q 'velum __worker' <(tr '\0' ' ' <processes)
    mapfile -t files < <(find . -type f ! -name keys)
    run find_secrets "${files[@]}"
    [ "$status" -eq 0 ] || { echo "$output" && return 1; }
    [ "${#files[@]}" -gt 20 ]
    # No core file came of the abort, here or where the system puts them by name.
    run -0 find . -name '*core*' -type f
    [ -z "$output" ]
    # All of it would have been found.
    head -n 1 keys >one_key
    perl -MMIME::Base64 -ne 'next if /--/; $b .= decode_base64($_);
        END { print "x" x 77, substr $b, index($b, "\x02\x01\x01\x04\x20") + 5, 32 }' \
        "$(cat one_key)" >planted
    for form in bytes PEM letters base64; do
        case $form in
        PEM) sed -n 2p "$(cat one_key)" >planted ;;
        letters) tr A-Z a-z <<<"a log line with $secret" >planted ;;
        base64) base64 -w 0 two/user.key >planted && find ./two -name user.key >keys &&
            perl -MMIME::Base64 -ne 'next if /--/; $b .= decode_base64($_); END {
                print encode_base64("xy" . substr($b, index($b, "\x02\x01\x01\x04\x20") + 5, 32), "")
            }' two/user.key >planted ;;
        esac
        run find_secrets planted
        [ "$status" -eq 1 ] || { echo "$form is not found: $output" && return 1; }
    done
}

@test "folders are 0700, files 0600, and all of them the user's" {
    node a --slots 1
    velum run --progress none pi 1000000
    head -c 3000000 /dev/urandom >thing
    velum put thing
    velum token create >/dev/null 2>&1
    run find "$VELUM_HOME" \( -type d ! -perm 0700 -o ! -type d ! -type l ! -perm 0600 \
        -o -type l -o ! -user "$(id -un)" \) -printf '%M %u %p\n'
    [ -z "$output" ] || { echo "$output" && return 1; }
    [ "$(find "$VELUM_HOME" -type f | wc -l)" -gt 12 ]
    [ "$(find "$VELUM_HOME" -type s | wc -l)" = 1 ]
}

# refuses PATH COMMAND...: it ends with a sentence that names the path, and a try.
refuses() {
    local path=$1
    shift
    run timeout 20 "$@"
    [ "$status" -ne 0 ] && [ "$status" -ne 124 ] || { echo "$path: exit $status: $output" && return 1; }
    [[ $output == *"$path"* ]] || { echo "not named: $path: $output" && return 1; }
}

@test "loose modes, links and what is somebody else's are refused by name" {
    node a --slots 1
    kill -TERM "$PID_a"
    ended "$PID_a"
    local state=$VELUM_HOME/nodes/$PORT_a file mode
    for mode in 0640 0604 0660 0666; do
        for file in root.key issuer.key; do
            chmod $mode "$VELUM_HOME/$file"
            refuses "$VELUM_HOME/$file" "$VELUM" node --port "$PORT_a"
            chmod 0600 "$VELUM_HOME/$file"
        done
        for file in root.pem issuer.pem user.pem; do # who writes there says whom to believe
            chmod $mode "$VELUM_HOME/$file"
            refuses "$VELUM_HOME/$file" "$VELUM" node --port "$PORT_a"
            chmod 0600 "$VELUM_HOME/$file"
        done
        chmod $mode "$VELUM_HOME/user.key"
        refuses "$VELUM_HOME/user.key" "$VELUM" run pi 1000000 --addr "127.0.0.1:$PORT_a"
        chmod 0600 "$VELUM_HOME/user.key"
    done
    chmod 0644 "$state/node.key"
    refuses "$state/node.key" "$VELUM" node --port "$PORT_a"
    chmod 0600 "$state/node.key"
    for mode in 0770 0702 0777; do
        chmod $mode "$VELUM_HOME"
        refuses "$VELUM_HOME" "$VELUM" node --port "$PORT_a"
        chmod 0700 "$VELUM_HOME"
        chmod $mode "$state"
        refuses "$state" "$VELUM" node --port "$PORT_a"
        chmod 0700 "$state"
    done
    mv "$state/node.key" elsewhere
    ln -s "$FOLDER/elsewhere" "$state/node.key"
    refuses "$state/node.key" "$VELUM" node --port "$PORT_a"
    rm "$state/node.key"
    mv elsewhere "$state/node.key"
    ln -s "$VELUM_HOME" "$FOLDER/link"
    refuses "$FOLDER/link" env VELUM_HOME="$FOLDER/link" "$VELUM" node --port "$PORT_a"
    if [ "$(id -u)" = 0 ]; then
        chown 12345 "$VELUM_HOME"
        refuses "$VELUM_HOME" "$VELUM" node --port "$PORT_a"
        chown 0 "$VELUM_HOME"
        chown 12345 "$VELUM_HOME/root.pem"
        refuses "$VELUM_HOME/root.pem" "$VELUM" node --port "$PORT_a"
        chown 0 "$VELUM_HOME/root.pem"
    fi
    # And as it was it works.
    node_at a "$PORT_a" --slots 1
}
