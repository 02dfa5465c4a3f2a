//! Requests on the wire.

use http::Request;
use serde_json::{Value, json};

use super::SecretsManager;

const NOW: f64 = 1_750_000_000.5;
const DAY: f64 = 86_400.0;

fn ask_in(region: &str, secrets: &SecretsManager, now: f64, operation: &str, input: &Value) -> (u16, Value) {
    let credential =
        format!("AWS4-HMAC-SHA256 Credential=AKID/20260101/{region}/secretsmanager/aws4_request");
    let request = Request::post("/")
        .header("x-amz-target", format!("secretsmanager.{operation}"))
        .header("authorization", credential)
        .body(())
        .unwrap();
    let answer = secrets.answer(&request.into_parts().0, input.to_string().as_bytes(), now).unwrap();
    answer.json()
}

fn ask(secrets: &SecretsManager, operation: &str, input: &Value) -> Value {
    let (status, answer) = ask_in("eu-west-1", secrets, NOW, operation, input);
    assert_eq!(status, 200, "{operation}: {answer}");
    answer
}

fn refused(secrets: &SecretsManager, operation: &str, input: &Value) -> String {
    let (status, answer) = ask_in("eu-west-1", secrets, NOW, operation, input);
    assert_eq!(status, 400, "{operation}: {answer}");
    format!("{}: {}", answer["__type"].as_str().unwrap(), answer["Message"].as_str().unwrap())
}

#[test]
fn the_current_version_is_read_and_the_one_before_it_by_its_stage() {
    let secrets = SecretsManager::new("111122223333");
    let made = ask(&secrets, "CreateSecret", &json!({"Name": "a/key", "SecretString": "one"}));
    let arn = made["ARN"].as_str().unwrap();
    assert!(arn.starts_with("arn:aws:secretsmanager:eu-west-1:111122223333:secret:a/key-"), "{arn}");
    ask(&secrets, "PutSecretValue", &json!({"SecretId": arn, "SecretString": "two"}));
    ask(&secrets, "PutSecretValue", &json!({"SecretId": "a/key", "SecretBinary": "AAEC"}));
    for id in ["a/key", arn, &arn[..arn.len() - 7]] {
        let current = ask(&secrets, "GetSecretValue", &json!({"SecretId": id}));
        assert_eq!((&current["SecretBinary"], &current["SecretString"]), (&json!("AAEC"), &Value::Null));
    }
    let before =
        ask(&secrets, "GetSecretValue", &json!({"SecretId": "a/key", "VersionStage": "AWSPREVIOUS"}));
    assert_eq!((&before["SecretString"], &before["VersionStages"]), (&json!("two"), &json!(["AWSPREVIOUS"])));
    let first = json!({"SecretId": "a/key", "VersionId": made["VersionId"]});
    assert!(refused(&secrets, "GetSecretValue", &first).starts_with("ResourceNotFoundException: "));
    let stages = &ask(&secrets, "DescribeSecret", &json!({"SecretId": "a/key"}))["VersionIdsToStages"];
    assert_eq!(stages.as_object().unwrap().len(), 2);
}

#[test]
fn a_repeated_request_makes_no_second_version() {
    let secrets = SecretsManager::new("111122223333");
    ask(&secrets, "CreateSecret", &json!({"Name": "key"}));
    assert!(
        refused(&secrets, "GetSecretValue", &json!({"SecretId": "key"}))
            .contains("staging label: AWSCURRENT")
    );
    let put = json!({"SecretId": "key", "SecretString": "one", "ClientRequestToken": "t"});
    assert_eq!(ask(&secrets, "PutSecretValue", &put), ask(&secrets, "PutSecretValue", &put));
    let other = json!({"SecretId": "key", "SecretString": "two", "ClientRequestToken": "t"});
    assert!(refused(&secrets, "PutSecretValue", &other).starts_with("ResourceExistsException: "));
}

#[test]
fn one_that_is_marked_for_deletion_is_not_read_and_can_come_back() {
    let secrets = SecretsManager::new("111122223333");
    let create = json!({"Name": "key", "SecretString": "one"});
    ask(&secrets, "CreateSecret", &create);
    assert!(refused(&secrets, "CreateSecret", &create).contains("the secret key already exists"));
    let id = json!({"SecretId": "key"});
    let marked = ask(&secrets, "DeleteSecret", &json!({"SecretId": "key", "RecoveryWindowInDays": 7}));
    assert_eq!(marked["DeletionDate"], json!(NOW + 7.0 * DAY));
    for (operation, input, word) in [
        ("GetSecretValue", &id, "marked for deletion"),
        ("PutSecretValue", &json!({"SecretId": "key", "SecretString": "x"}), "marked for deletion"),
        ("DeleteSecret", &id, "marked for deletion"),
        ("CreateSecret", &create, "already scheduled for deletion"),
    ] {
        let told = refused(&secrets, operation, input);
        assert!(told.starts_with("InvalidRequestException: ") && told.contains(word), "{told}");
    }
    assert_eq!(ask(&secrets, "ListSecrets", &json!({}))["SecretList"], json!([]));
    ask(&secrets, "RestoreSecret", &id);
    assert_eq!(ask(&secrets, "GetSecretValue", &id)["SecretString"], "one");
    ask(&secrets, "DeleteSecret", &id);
    let (status, _) = ask_in("eu-west-1", &secrets, NOW + 31.0 * DAY, "DescribeSecret", &id);
    assert_eq!(status, 400, "its window is over");
}

#[test]
fn lists_come_in_pages_and_regions_are_apart() {
    let secrets = SecretsManager::new("111122223333");
    for name in ["c", "a", "b"] {
        ask(&secrets, "CreateSecret", &json!({"Name": name, "SecretString": "x"}));
    }
    let names = |page: &Value| -> Vec<String> {
        let entries = page["SecretList"].as_array().unwrap();
        entries.iter().map(|entry| entry["Name"].as_str().unwrap().to_owned()).collect()
    };
    let first = ask(&secrets, "ListSecrets", &json!({"MaxResults": 2}));
    assert_eq!((names(&first), &first["NextToken"]), (vec!["a".to_owned(), "b".to_owned()], &json!("b")));
    let rest = ask(&secrets, "ListSecrets", &json!({"MaxResults": 2, "NextToken": "b"}));
    assert_eq!((names(&rest), &rest["NextToken"]), (vec!["c".to_owned()], &Value::Null));
    let (_, elsewhere) = ask_in("us-west-2", &secrets, NOW, "ListSecrets", &json!({}));
    assert_eq!(elsewhere["SecretList"], json!([]));
}

#[test]
fn what_is_refused_says_why_and_never_what_was_sent() {
    let secrets = SecretsManager::new("111122223333");
    ask(&secrets, "CreateSecret", &json!({"Name": "key", "SecretString": "hunter2"}));
    for (operation, input, word) in [
        ("CreateSecret", json!({"Name": "a b", "SecretString": "hunter2"}), "Invalid name"),
        (
            "CreateSecret",
            json!({"Name": "x", "SecretString": "hunter2", "KmsKeyId": "k"}),
            "KmsKeyId is not supported",
        ),
        ("CreateSecret", json!({"Name": "x", "SecretString": {"a": "hunter2"}}), "another type"),
        ("CreateSecret", json!({"Name": "x", "SecretString": "hunter2", "SecretBinary": "AA=="}), "both"),
        ("PutSecretValue", json!({"SecretId": "key"}), "either SecretString or SecretBinary"),
        ("PutSecretValue", json!({"SecretId": "key", "SecretString": "hunter2".repeat(10_000)}), "65536"),
        ("GetSecretValue", json!({"SecretId": "nobody"}), "can't find the specified secret"),
        ("ListSecrets", json!({"Filters": []}), "Filters is not supported"),
        ("ListSecrets", json!({"NextToken": "hunter2"}), "NextToken"),
        ("DeleteSecret", json!({"SecretId": "key", "RecoveryWindowInDays": 3}), "between 7 and 30"),
        ("RotateSecret", json!({"SecretId": "key"}), "UnknownOperationException"),
    ] {
        let told = refused(&secrets, operation, &input);
        assert!(told.contains(word) && !told.contains("hunter2"), "{operation}: {told}");
    }
    assert!(!format!("{secrets:?}").contains("hunter2"));
}
