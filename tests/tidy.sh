#!/bin/sh
# Checks the walls between the rooms and the parts of the house style a machine can check. Prints
# each finding as file:line: what, and exits 1 when there is any.
#
#   tests/tidy.sh [FOLDER]     FOLDER is another copy of the sources, for testing this script
set -u
cd "${1:-$(dirname "$0")/..}" || exit 1

rooms=
for room in cmd core plugins firmware tests; do
    [ ! -d $room ] || rooms="$rooms $room"
done
findings=$(mktemp) || exit 1
trap 'rm -f "$findings"' EXIT

# shellcheck disable=SC2086
sources=$(find $rooms -type f -name '*.[ch]' | LC_ALL=C sort)
# shellcheck disable=SC2086
scripts=$(find $rooms .ci configure -type f \
    \( -name '*.sh' -o -path '*.ci/*' -o -name configure \) | LC_ALL=C sort)

# Who may include whom. A room knows itself and what is listed after it; siblings do not meet.
# shellcheck disable=SC2086
[ -z "$sources" ] || LC_ALL=C awk '
    BEGIN {
        below = " core/wire core/journal core/base "
        middle = " core/mesh core/job core/object core/files core/kernel " below
        knows["core/base"] = " "
        knows["core/wire"] = " core/base "
        knows["core/journal"] = " core/base "
        knows["core/mesh"] = knows["core/job"] = knows["core/object"] = knows["core/files"] = below
        knows["core/kernel"] = " plugins " below
        knows["core/node"] = " plugins " middle
        knows["core/verify"] = " core/base "
        knows["core/sim"] = " plugins core/node core/verify " middle
        knows["core/host"] = " config plugins core/node core/verify " middle
        knows["core/api"] = " core/host core/sim" knows["core/host"]
        knows["cmd"] = " core/api" knows["core/api"]
        knows["plugins"] = " "
        knows["firmware"] = " plugins core/base core/wire core/job core/kernel "
        knows["tests/trace"] = knows["tests/fuzz"] = knows["tests/sim"] = \
            " tests/lib core/sim core/node plugins " middle
        pure = " stdint.h stddef.h stdbool.h string.h stdarg.h limits.h inttypes.h "
        intrinsics = " immintrin.h arm_neon.h "

        # The outside libraries, each behind one module; TLS and keys are a few.
        home["event2"] = " core/host/loop "
        home["openssl"] = " core/host/tls core/host/identity core/host/authority core/host/certificate core/host/join_ask " \
            "core/host/join_desk core/host/join_proof " \
            "core/host/pem_file core/host/root_key core/host/roots core/host/trust "
        home["crypt.h"] = " core/host/bcrypt "
        home["dlfcn.h"] = " "
        home["ini.h"] = " core/host/ini_file "
        home["libtcc.h"] = " core/host/snippet "
    }
    function room_of(path, parts, n) {
        n = split(path, parts, "/")
        if (path == "config.h") return "config"
        if (path == "velum_kernel.h") return "plugins"
        if (path ~ /^tests\/fuzz\/targets\//) return "tests/fuzz/targets" # of any room
        if (n >= 3 && (parts[1] == "core" || parts[1] == "tests")) return parts[1] "/" parts[2]
        return parts[1]
    }
    function finding(what) { print FILENAME ":" FNR ": " what }
    function own(room, other) {
        if (!(room in knows) || room == other || index(knows[room], " " other " ")) return
        finding(room " must not include " other)
    }
    function system_header(room, header, family, module) {
        family = header
        module = FILENAME
        sub("/.*", "", family)
        sub(/\.[ch]$/, "", module)
        if (family in home) {
            if (FILENAME !~ /^tests\// && !index(home[family], " " module " "))
                finding("<" header "> belongs into" home[family] "only")
            return
        }
        if (room ~ /^core\// && room != "core/host" && room != "core/api") {
            if (FILENAME == "core/base/log.c" && header == "stdio.h") return
            if (!index(pure, " " header " "))
                finding("no <" header "> outside core/host")
        } else if (room == "plugins" || room == "firmware") {
            if (!index(pure intrinsics, " " header " "))
                finding("no <" header "> in " room)
        }
    }
    FNR == 1 { room = room_of(FILENAME) }
    /^[ \t]*#[ \t]*include[ \t]*"/ { split($0, quoted, "\""); own(room, room_of(quoted[2])) }
    /^[ \t]*#[ \t]*include[ \t]*</ {
        header = $0
        sub(/^[^<]*</, "", header)
        sub(/>.*/, "", header)
        system_header(room, header)
    }
' $sources >>"$findings"

# Size, and what the style forbids.
# shellcheck disable=SC2086
[ -z "$sources" ] || LC_ALL=C awk '
    function finding(line, what) { print FILENAME ":" line ": " what }
    FNR == 1 { ended(); file = FILENAME; most = file ~ /\.h$/ ? 300 : 700; body = 0 }
    function ended() {
        if (file && lines > most) print file ":" lines ": " lines " lines; " most " may be"
    }
    END { ended() }
    {
        lines = FNR
        text = $0
        gsub(/[\200-\277]/, "", text)
        if (length(text) > 100) finding(FNR, length(text) " columns; 100 may be")
        if (text ~ /[ \t]$/) finding(FNR, "blanks at the end of the line")
        if (text ~ /\t/) finding(FNR, "a tab")
    }
    /^\{/ { body = FNR }
    /^\}/ {
        size = FNR - body + 1
        if (body && size > 70) finding(body, "a function of " size " lines; 70 may be")
        body = 0
    }
    /(^|[^A-Za-z0-9_])(strcpy|strcat|strncat|sprintf|vsprintf|gets|alloca)[ ]*\(/ {
        finding(FNR, "a banned call")
    }
    /^[ \t]*typedef[ \t]+(struct|union)[ \t]/ && FILENAME !~ /^plugins\// {
        finding(FNR, "a struct typedef")
    }
' $sources >>"$findings"

# A seed replays the same run whoever compiled it, so no two draws may stand where the compiler chooses
# which comes first: in two arguments of one call, or on both sides of an operator that orders nothing.
# What a draw has in its own arguments is drawn before it.
# shellcheck disable=SC2086
[ -z "$sources" ] || LC_ALL=C awk '
    BEGIN {
        draw = "(world_between|world_chance|prng_[a-z0-9_]+|any_[a-z_]+|some_[a-z_]+|draw_[a-z_]+)"
    }
    function unordered(text, depth, at, c, name) {
        depth = 0
        drawn[0] = 0
        for (at = 1; at <= length(text); at++) {
            c = substr(text, at, 1)
            if (c == "(") {
                name = substr(text, 1, at - 1)
                depth++
                is_draw[depth] = name ~ ("(^|[^a-z0-9_])" draw "$")
                if (depth == 1) is_head = name ~ /(^|[^a-z_])(if|while|for|switch) *$/
                drawn[depth] = 0
            } else if (c == ")" && depth > 0) {
                drawn[depth - 1] += is_draw[depth] ? 1 : drawn[depth]
                depth--
                if (depth == 0 && is_head) drawn[0] = 0
            } else if (c == "?" || c == ":" || c == "&" && substr(text, at + 1, 1) == "&" ||
                       c == "|" && substr(text, at + 1, 1) == "|") {
                drawn[depth] = 0
            }
            if (drawn[depth] > 1) return 1
        }
        return 0
    }
    FNR == 1 { text = "" }
    FILENAME ~ /^core\// {
        line = $0
        gsub(/"([^"\\]|\\.)*"|\/\*.*\*\//, "", line)
        if (line ~ /^[ \t]*(\/\*|\*|#)/) next
        if (text == "") first = FNR
        text = text " " line
        if (text ~ /[;{}][ \t]*$/) {
            if (gsub(draw "\\(", "&", text) > 1 && unordered(text))
                print FILENAME ":" first ": two draws in no order of their own"
            text = ""
        }
    }
' $sources >>"$findings"

# Markers of unfinished work; written in two halves so that this line is none.
markers="TO""DO|FIX""ME|XX""X|HA""CK"
# shellcheck disable=SC2086
[ -z "$sources$scripts" ] ||
    grep -nHE "(^|[^A-Za-z])($markers)([^A-Za-z]|\$)" $sources $scripts Makefile 2>/dev/null |
    sed -E 's/^([^:]*:[0-9]+):.*/\1: a marker of unfinished work/' >>"$findings"

# Nothing is kept here that no editor shows; a copy without git has what git would give.
git ls-files --eol 2>/dev/null | sed -n 's,^i/-text.*\t,,p' |
    sed 's/$/: a binary file/' >>"$findings"

# What a command that was tried in this folder leaves behind.
git ls-files 2>/dev/null | sed 's,/.*,,' | sort -u |
    grep -vxE '\.ci|\.clang-format|\.gitignore|LICENSE|Makefile|README\.md|configure|cmd|completions|conf|core|firmware|plugins|tests' |
    sed 's/$/:0: nothing else belongs here/' >>"$findings"

if [ -s "$findings" ]; then
    sort -t: -k1,1 -k2,2n "$findings"
    exit 1
fi
