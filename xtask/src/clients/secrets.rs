//! The AWS command line on Secrets Manager.

use crate::clients::Check;
use crate::clients::Ends::{Refused, Well};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        name: "aws secretsmanager keeps a secret in versions",
        ends: Well,
        words: &[
            "secret:rehearsal/key-",
            "two now",
            "one before",
            "\"Description\": \"a key\"",
            "\"AWSPREVIOUS\"",
            "rehearsal/bytes,rehearsal/key",
            "the same bytes",
        ],
        script: "aws secretsmanager create-secret --name rehearsal/key --description 'a key' --tags Key=env,Value=blue --secret-string one &&
aws secretsmanager put-secret-value --secret-id rehearsal/key --secret-string two >/dev/null &&
get() { aws secretsmanager get-secret-value --secret-id \"$@\" --output text; }
echo \"$(get rehearsal/key --query SecretString) now\"
echo \"$(get rehearsal/key --query SecretString --version-stage AWSPREVIOUS) before\"
aws secretsmanager describe-secret --secret-id \"$(get rehearsal/key --query ARN)\" &&
head -c 300 /dev/urandom >\"$CROSSFADE_LAB_DIR/bytes\" &&
aws secretsmanager create-secret --name rehearsal/bytes --secret-binary \"fileb://$CROSSFADE_LAB_DIR/bytes\" >/dev/null &&
get rehearsal/bytes --query SecretBinary | base64 -d | cmp - \"$CROSSFADE_LAB_DIR/bytes\" && echo the same bytes &&
aws secretsmanager list-secrets --page-size 1 --query 'SecretList[].Name' --output text | xargs | tr ' ' ,",
    },
    Check {
        name: "a deleted secret is not read, and comes back",
        ends: Well,
        words: &[
            "(InvalidRequestException)",
            "marked for deletion",
            "(ResourceExistsException)",
            "two again",
            "(ResourceNotFoundException)",
        ],
        script: "id='--secret-id rehearsal/key'
aws secretsmanager create-secret --name rehearsal/key --secret-string x 2>&1
aws secretsmanager delete-secret $id --recovery-window-in-days 7 && aws secretsmanager get-secret-value $id 2>&1
aws secretsmanager restore-secret $id && echo \"$(aws secretsmanager get-secret-value $id --query SecretString --output text) again\" &&
aws secretsmanager delete-secret $id --force-delete-without-recovery && { aws secretsmanager get-secret-value $id 2>&1 || true; }",
    },
    Check {
        name: "another region has no such secret",
        ends: Refused,
        words: &["(ResourceNotFoundException)", "can't find the specified secret"],
        script: "aws secretsmanager get-secret-value --region us-west-2 --secret-id rehearsal/bytes",
    },
    Check {
        name: "what Secrets Manager has and the lab has not is refused",
        ends: Well,
        words: &["UnknownOperation", "KmsKeyId is not supported"],
        script: "aws secretsmanager rotate-secret --secret-id rehearsal/bytes 2>&1
aws secretsmanager create-secret --name x --kms-key-id k --secret-string x 2>&1 || true",
    },
];
