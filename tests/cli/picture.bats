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

@test "the line of a new job counts the leaves of both its stages" {
    run -0 --separate-stderr velum run --local --json mandelbrot --size 100x100
    total=$(grep -o '"leaves_total":[0-9]*' <<<"$output")
    [[ $stderr == "job "*"  mandelbrot --size 100x100  2 stages, ${total#*:} leaves, durable=0"* ]]
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

@test "run --view: sixels and kitty where the terminal says so, each the same picture" {
    local words=(--local --progress none mandelbrot --size 60x40 --center -0.7,0) code=0
    quietly --local mandelbrot --size 60x40 --center -0.7,0 >kept.png
    on_terminal "" "$VELUM" run --view=blocks "${words[@]}" >blocks
    # The answer lies there before the question is asked.
    export TERM=xterm
    on_terminal 'printf "\033[?62;4c"; sleep 0.5' "$VELUM" run --view "${words[@]}" >sixels
    run -0 perl "$VELUM_ROOT/tests/cli/sixel.pl" sixels blocks
    [ "$output" = "7200 values" ]
    on_terminal "" "$VELUM" run --view=sixel "${words[@]}" >fixed
    cmp <(grep -ao 'P0;1q.*' fixed) <(grep -ao 'P0;1q.*' sixels)
    on_terminal 'printf "\033_Gi=31;OK\033\\\\\033[?62;4c"; sleep 0.5' "$VELUM" run --view "${words[@]}" >kitty
    perl -MMIME::Base64 -0777 -ne 'print decode_base64($1) while /\e_G(?:a=T,f=100,q=2,)?m=[01];([^\e]*)\e/g' kitty |
        cmp - kept.png
    # One that says nothing of pictures, and one that is not asked.
    on_terminal 'printf "\033[?1;2c"; sleep 0.5' "$VELUM" run --view "${words[@]}" >plain
    [ "$(grep -o '▀' plain | wc -l)" = 1200 ]
    TERM=dumb on_terminal "" "$VELUM" run --view "${words[@]}" >plain
    grep -q 'a=q' plain && return 1
    cmp <(grep '▀' plain) <(grep '▀' blocks)
    # The terminal is what it was, and larger pictures are made to fit.
    on_terminal "" sh -c "'$VELUM run --view ${words[*]}; stty -a'" >after
    grep -qE '(^|[ ;])icanon' after
    grep -qE '(^|[ ;])echo( |;)' after
    on_terminal "" sh -c "'stty cols 20 rows 12; exec $VELUM run --view=sixel --local mandelbrot --size 640x480'" >small
    grep -aq 'q"1;1;160;120#' small
    on_terminal "" sh -c "'stty cols 20 rows 12; exec $VELUM run --view=kitty --local mandelbrot --size 640x480'" >small
    grep -aq '_Ga=T,f=100,q=2,c=20,m=1;' small
    run -2 velum run --view=ascii mandelbrot
    [[ $output == *"blocks|sixel|kitty"* ]]
}

@test "run --view: a kernel that yields no file is refused before anything is sent" {
    on_terminal "" "$VELUM" run --view -e "'i * i'" 1..1000 >screen && return 1
    grep -q 'the result of an expression is a line of text' screen
    grep -q 'job ' screen && return 1
    node a --slots 1
    export VELUM_ADDR=127.0.0.1:$PORT_a
    on_terminal "" "$VELUM" run --view "$VELUM_OBJECTS/plugins/pi.so" 1000 >screen && return 1
    grep -q 'the result of pi is a line of text' screen
    grep -q 'job ' screen && return 1
    [ -z "$(velum ps -a --json | grep -o '"id"')" ]
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
