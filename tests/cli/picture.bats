# Pictures: kernel mandelbrot, the file that png makes of it, and what draws it.
load lib.bash

quietly() { "$VELUM" run --progress none "$@" 2>said || { cat said && return 1; }; }

@test "mandelbrot: one file has the same bytes in one process and on three nodes" {
    quietly --local mandelbrot --size 301x203 --center -0.7436,0.1318 --zoom 300 >alone.png
    [ "$(head -c 8 alone.png | od -An -t x1)" = " 89 50 4e 47 0d 0a 1a 0a" ]
    mesh 3 --slots 1
    export VELUM_ADDR=127.0.0.1:$PORT_b
    quietly mandelbrot --size=301x203 --center=-0.7436,0.1318 --zoom=300 | cmp - alone.png
    quietly mandelbrot --size=301x203 --center=-0.7436,0.1318 --zoom=300.0 | cmp - alone.png
    run -2 velum run mandelbrot --zoom 0
    [[ $output == *"--zoom takes"* ]]
    ends_with_try
}

@test "a kernel without inputs that yields much needs no node" {
    quietly --local matmul --size 120 >product
    [ "$(wc -c <product)" = 115200 ]
}

@test "run --view: the picture is drawn in a terminal, and only there" {
    on_terminal "" "$VELUM" run --local --view --progress none mandelbrot --size 40x30 -o kept.png >screen
    [ "$(head -c 4 kept.png | tail -c 3)" = PNG ]
    [ "$(grep -c '\[38;2;' screen)" = 15 ]
    [ "$(grep -o '▀' screen | wc -l)" = 600 ]
    grep -q '\[38;2;0;0;0m' screen
    TMPDIR=$FOLDER on_terminal "" "$VELUM" run --local --view mandelbrot --size 5x1 >screen
    [ "$(grep -o '▀' screen | wc -l)" = 5 ]
    [ -z "$(find . -name 'velum-view-*')" ]
    printf 'no picture' >text
    on_terminal "" "$VELUM" run --local --view cat text >screen && return 1
    grep -q 'is no picture' screen
    run -2 velum run --view mandelbrot
    [[ $output == *"is none"* ]]
    ends_with_try
    on_terminal "" "$VELUM" run --local --view pi 1000 >screen && return 1
    grep -q 'line of text' screen
}

@test "run --view: who detaches is shown nothing, and nothing stays behind" {
    local code=0 id
    mesh 1 --slots 1
    mkdir temporary
    quietly --local mandelbrot --size 40x30 >kept.png
    export TMPDIR=$FOLDER/temporary
    cp kept.png before.png
    long=(mandelbrot --size 1024x1024 --center -0.1,0 --iterations 100000000)
    on_terminal "$(typing d)" "$VELUM" run --view -o kept.png "${long[@]}" >screen
    grep -q '▀' screen && return 1
    cmp kept.png before.png
    id=$(tr -d '\r' <screen | tail -n 1)
    run -0 velum kill "$id"
    on_terminal "$(typing d)" "$VELUM" run --view "${long[@]}" >screen
    grep -q 'cannot be drawn' screen && return 1
    id=$(tr -d '\r' <screen | tail -n 1)
    run -0 velum kill "$id"
    on_terminal "$(typing k)" "$VELUM" run --view "${long[@]}" >screen || code=$?
    [ $code = 130 ]
    # Ended from outside, too.
    on_terminal 'for i in $(seq 200); do grep -q leaves screen && break; sleep 0.05; done
        kill -TERM $(cat pid)' "sh -c 'echo \$\$ >pid; exec $VELUM run --view ${long[*]}'" >screen || true
    grep -q leaves screen
    [ -z "$(ls temporary)" ]
}

@test "run --view: FILE is one that can be read again" {
    mkfifo pipe
    for file in pipe /dev/null; do
        on_terminal "" timeout 20 "$VELUM" run --local --view -o $file mandelbrot --size 5x1 \
            >screen && return 1
        grep -q "$file is no ordinary file" screen
        tr -d '\r' <screen | tail -n 1 | grep -q '^try: '
    done
}
