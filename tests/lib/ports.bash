# Ports for the nodes of tests that run side by side.
# shellcheck shell=bash

# free_port_but TAKEN...: one below those that the system gives to outgoing connections, of this
# lane's, where nobody listens now, and none of these.
free_port_but() {
    local port lane=${VELUM_TEST_LANE:-0/1}
    while :; do
        port=$((20000 + (SRANDOM % (12000 / ${lane#*/})) * ${lane#*/} + ${lane%/*}))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
        case " $* " in *" $port "*) continue ;; esac
        echo $port
        return
    done
}
