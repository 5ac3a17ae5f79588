#!/bin/sh
# run.sh SECONDS TARGET...: each libFuzzer target for SECONDS, from the seeds in testdata/fuzz/NAME (NAME
# is the target's without _fuzz); those of image are zones, compiled by $ZONETOOL. What it learns stays in
# build/fuzz/corpus; a crash is kept there too.
seconds=$1
shift
passed=0
failed=0
for target in "$@"; do
    name=$(basename "$target" _fuzz)
    corpus=build/fuzz/corpus/$name
    mkdir -p "$corpus" build/fuzz/crash
    seeds=testdata/fuzz/$name
    if [ "$name" = image ]; then
        mkdir -p build/fuzz/seeds/image
        for zone in "$seeds"/*.zone; do
            "$ZONETOOL" compile -q "$zone" "build/fuzz/seeds/image/$(basename "$zone")" 2>/dev/null
        done
        seeds=build/fuzz/seeds/image
    fi
    [ -d "$seeds" ] || seeds=
    if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/crash/$name-" "$corpus" $seeds >"build/fuzz/$name.log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$name.log")
        printf '  %-6s %-20s %s runs\n' ok "$name" "$runs"
        passed=$((passed + 1))
    else
        printf '  %-6s %-20s see build/fuzz/%s.log\n' FAIL "$name" "$name"
        tail -n 40 "build/fuzz/$name.log"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
