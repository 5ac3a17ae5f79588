#!/bin/sh
# zone-review.sh BASE PATTERN...: what changes in the zones between the commit that HEAD left BASE at and HEAD, as
# Markdown for a review comment: by record, and whose answers change. Exit status 2 if a zone cannot be read.
set -f
base=$(git merge-base "$1" HEAD) || exit 2
shift
[ $# -gt 0 ] || set -- '*.zone' 'db.*'
failed=0
# -z: git puts names that are not ASCII into quotes otherwise.
git diff -z --name-status --no-renames "$base" HEAD -- "$@" | tr '\0' '\n' | {
    while IFS= read -r kind && IFS= read -r zone; do
        case $kind in
        A) printf '### New zone file `%s`\n\n%s records\n\n' "$zone" "$(zonetool textconv "$zone" | wc -l)" ;;
        D) printf '### Zone file `%s` is removed\n\n' "$zone" ;;
        *)
            zonetool diff --semantic --format markdown "$base:$zone" "HEAD:$zone"
            [ $? -le 1 ] || { failed=2; printf '\n`%s` cannot be compared.\n\n' "$zone"; }
            ;;
        esac
    done
    exit $failed
}
