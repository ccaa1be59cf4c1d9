#!/bin/sh
# symbols.sh NM IMAGE: fails when an allocator, an operating system or its C library's I/O found its
# way into a board image.
set -eu
found=$("$1" "$2" | awk '
    $NF ~ /^_?(malloc|calloc|realloc|free|sbrk|_sbrk|_malloc_r|_free_r|_realloc_r|_calloc_r)$/ ||
    $NF ~ /^_?(open|close|read|write|lseek|fstat|isatty|kill|getpid|exit|abort|fork|execve)$/ ||
    $NF ~ /^_?(v?s?n?printf|v?fprintf|puts|fopen|fwrite|fread|signal|raise|time|gettimeofday)$/ ||
    $NF ~ /(_r|_impure_ptr|__errno)$/ || $(NF - 1) == "U" { print "  " $NF }')
if [ -n "$found" ]; then
    echo "$2 must not contain:" >&2
    echo "$found" >&2
    exit 1
fi
