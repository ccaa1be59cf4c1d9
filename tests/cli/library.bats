# libvelum as it is installed: what is in it, and programs that were built with a plain compiler.
load lib.bash

O=${VELUM_OBJECTS#"$VELUM_ROOT"/}

# Into a folder of its own; a program is compiled as a user would, with what velum.pc says.
install_library() {
    env -u MAKEFLAGS make -s -C "$VELUM_ROOT" O="$O" V= install PREFIX="$FOLDER/usr" >install.log 2>&1 ||
        { cat install.log && return 1; }
    export PKG_CONFIG_PATH=$FOLDER/usr/lib/pkgconfig
    command -v pkg-config >/dev/null || skip "no pkg-config here"
}
compile() { # compile NAME: the example of that name
    # shellcheck disable=SC2046
    cc -std=c99 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Werror -o "$1" \
        "$FOLDER/usr/share/doc/velum/examples/$1.c" $(pkg-config --cflags --libs velum)
}

@test "the archive shows the functions of velum.h and nothing else" {
    nm -g --defined-only "$VELUM_OBJECTS/libvelum.a" | awk 'NF == 3 { print $3 }' | sort >shown
    grep -oE '\<velum_[a-z_]+\(' "$VELUM_ROOT/core/api/velum.h" | tr -d '(' | sort -u >promised
    diff promised shown
    [ "$(wc -l <shown)" -ge 20 ]
    # Nothing that prints, ends the program or reads its settings. What is left: _exit in processes
    # of its own, the descriptor and the abort of the last resort.
    nm -u "$VELUM_OBJECTS/libvelum.a" | awk '{ print $2 }' >wanted
    run -1 grep -E '^(exit|quick_exit|atexit|(__)?v?printf(_chk)?|puts|putchar|perror|system|setlocale|ini_.*)$' wanted
    # Every function of the header is in the manual.
    while read -r name; do
        grep -q "^.Fn $name" "$VELUM_ROOT/cmd/man/velum.3" || { echo "not in velum(3): $name" && false; }
    done <promised
}

@test "install and uninstall" {
    install_library
    for file in lib/libvelum.a lib/pkgconfig/velum.pc include/velum/velum.h \
        include/velum/velum_kernel.h share/man/man3/velum.3 share/man/man7/velum-security.7 \
        share/doc/velum/examples/loop.c; do
        [ -f "usr/$file" ]
    done
    run -0 velum version
    [[ $output == *"$(pkg-config --modversion velum)"* ]]
    make -s -C "$VELUM_ROOT" O="$O" uninstall PREFIX="$FOLDER/usr"
    [ -z "$(find usr -type f)" ]
}

@test "the examples: built with cc and pkg-config, without any node" {
    install_library
    for name in pi squares loop tasks; do compile $name; done
    run -0 --separate-stderr ./pi 1000000000
    [ "$output" = 3.14159265358979 ]
    [ -z "$stderr" ]
    run -0 ./squares 1000000
    [ "$output" = 333332833333500000 ]
    run -2 --separate-stderr ./squares 0
    [ -z "$output" ]
    [[ $stderr == *"N must be a whole number"* ]]
    seq 1 50 | ./loop | sort -n >sums
    diff sums <(for i in $(seq 1 50); do echo $((i * (i + 1) / 2)); done)
    ./tasks 300 | sort -n >sums
    diff sums <(for i in $(seq 1 300); do echo "$i $((i * (i + 1) / 2))"; done)
    # A plain pipe that ends early is the program's affair: its own SIGPIPE still ends it.
    run -0 bash -c 'yes 100 | head -200 | ./loop | head -1; [ "${PIPESTATUS[2]}" != 1 ]'
    # Nothing was written, nothing is left.
    [ ! -e "$VELUM_HOME" ]
}

@test "the examples at a running node, which is what they find" {
    install_library
    compile pi
    compile loop
    compile tasks
    node a
    run -0 ./pi 1000000000
    [ "$output" = 3.14159265358979 ]
    [ "$(velum ps -a --json | grep -o '"state":"done"' | wc -l)" = 1 ]
    seq 1 20 | ./loop | sort -n >sums
    diff sums <(for i in $(seq 1 20); do echo $((i * (i + 1) / 2)); done)
    ./tasks 1000 | sort -n >sums
    diff sums <(for i in $(seq 1 1000); do echo "$i $((i * (i + 1) / 2))"; done)
    VELUM_ADDR=127.0.0.1:9 run -5 --separate-stderr ./pi
    [[ $stderr == *"no node answers at 127.0.0.1:9"* ]]
}

@test "the three lines of the manual are a program" {
    install_library
    {
        printf '#include <stdio.h>\n#include <velum.h>\nint main(void)\n{\n'
        awk '/^.Bd -literal/ { on = 1; next } /^.Ed/ { exit } on' "$VELUM_ROOT/cmd/man/velum.3"
        printf 'velum_shutdown(v);\nreturn 0;\n}\n'
    } >three.c
    # shellcheck disable=SC2046
    cc -Wall -Werror -o three three.c $(pkg-config --cflags --libs velum)
    run -0 ./three
    [ "$output" = 3.14159265358979 ]
}

@test "the tasks with inputs of the manual are a program" {
    install_library
    printf 'an Error\nfine\n' >yesterday.log
    printf 'fine\nerror here\n' >today.log
    {
        printf '#include <stdio.h>\n#include <velum.h>\nint main(void)\n{\nstruct velum *v;\n'
        printf 'velum_init(&v, NULL);\nFILE *f = fopen("yesterday.log", "r");\n'
        printf 'int put = velum_wait(v, velum_put_fd(v, fileno(f)), -1);\n'
        printf 'const char *yesterday = velum_text(v, put);\n'
        awk '/^.Bd -literal/ { on = 1; text = ""; next }
            /^.Ed/ { on = 0; if (text ~ /velum_result/) printf "%s", text }
            on { text = text $0 "\n" }' "$VELUM_ROOT/cmd/man/velum.3"
        printf 'velum_shutdown(v);\nreturn 0;\n}\n'
    } >tasks.c
    # shellcheck disable=SC2046
    cc -O2 -Wall -Wextra -Werror -o tasks tasks.c $(pkg-config --cflags --libs velum)
    node a
    run -0 ./tasks
    [ "$output" = $'error here\nan Error' ]
}

@test "linked without shared libraries" {
    install_library
    case $(pkg-config --libs velum) in *-fsanitize*) skip "sanitizers are shared libraries" ;; esac
    # shellcheck disable=SC2046
    cc -static -o pi usr/share/doc/velum/examples/pi.c $(pkg-config --static --cflags --libs velum) 2>log
    run -0 ./pi 1000000000
    [ "$output" = 3.14159265358979 ]
}

@test "linked from C++" {
    command -v c++ >/dev/null || skip "no C++ compiler here"
    install_library
    printf '#include <velum.h>\nint main() { struct velum *v; velum_init(&v, 0); velum_shutdown(v); return velum_version()[0] != %s; }\n' "'0'" >plus.cc
    # shellcheck disable=SC2046
    c++ -o plus plus.cc $(pkg-config --cflags --libs velum)
    ./plus
}
