#!/usr/bin/env bash
# Without credentials, or with those of another account, nothing is known, and so nothing is done.
. "$(dirname "$0")/../lib.sh"
cd "$work"

cp -r "$tests/cases/iam-trust/tree" tree
bare=(env -i "PATH=$PATH" "HOME=$work" AWS_EC2_METADATA_DISABLED=true "ASAN_OPTIONS=${ASAN_OPTIONS:-}")
for verb in "plan tree" "apply tree --yes"; do
    # shellcheck disable=SC2086
    expect_exit 4 "${bare[@]}" "$eksact" $verb -q
    expect_text "IAMRole/reader  could not be read"
    expect_text "no AWS credentials; nothing found in: environment (set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
done

"$eksact" sandbox --listen 127.0.0.1:0 >sandbox.out 2>sandbox.err &
started+=($!)
wait_for 10 "the sandbox's address" grep -q '^AWS_ENDPOINT_URL=' sandbox.out
# shellcheck disable=SC1091
. ./sandbox.out
served=("${bare[@]}" "AWS_ENDPOINT_URL=$AWS_ENDPOINT_URL" "AWS_CA_BUNDLE=$AWS_CA_BUNDLE" "AWS_ACCESS_KEY_ID=$AWS_ACCESS_KEY_ID")
expect_exit 2 "${served[@]}" "AWS_SECRET_ACCESS_KEY=$AWS_SECRET_ACCESS_KEY" "$eksact" plan tree -q
expect_exit 4 "${served[@]}" AWS_SECRET_ACCESS_KEY=wrong-secret-wrong-secret-wrong-secret0 "$eksact" plan tree -q
expect_text SignatureDoesNotMatch
expect_no_text wrong-secret
sed -i 's/111122223333/999988887777/' tree/fleet.yaml
expect_exit 4 "${served[@]}" "AWS_SECRET_ACCESS_KEY=$AWS_SECRET_ACCESS_KEY" "$eksact" plan tree -q
expect_text "the credentials are of account 111122223333"
expect_text "the manifests are for 999988887777"
expect_no_text "+ IAMRole"
