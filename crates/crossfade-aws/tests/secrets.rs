//! Requests and answers of Secrets Manager on the wire, against a scripted server that speaks AWS JSON 1.1.
#![expect(clippy::unwrap_used, reason = "a failing test may panic")]
#![expect(unreachable_pub, reason = "the support module is shared by path")]

mod support;

use crossfade_aws::{Aws, AwsError, AwsOptions, SecretProblem, Secrets, StaticCredentials};
use support::{Request, ScriptedServer};

const NAME: &str = "github-blueprint-ssh-key";

async fn mk_secrets(server: &ScriptedServer) -> Secrets {
    let options = AwsOptions {
        region: Some("eu-west-1".to_owned()),
        endpoint: Some(server.endpoint.clone()),
        credentials: Some(StaticCredentials {
            access_key_id: "x".to_owned(),
            secret_access_key: "y".to_owned(),
        }),
        ..AwsOptions::default()
    };
    Aws::with_options(options).await.unwrap().secrets()
}

async fn refused(code: &str, message: &str) -> AwsError {
    let body = format!(r#"{{"__type":"{code}","Message":"{message}"}}"#);
    let server = ScriptedServer::start(move |_: &Request| (400, body.clone())).await;
    mk_secrets(&server).await.text(NAME).await.unwrap_err()
}

#[tokio::test]
async fn the_text_is_given_to_its_user_and_shown_to_nobody() {
    let server =
        ScriptedServer::start(|_: &Request| (200, r#"{"Name":"x","SecretString":"very private\n"}"#)).await;
    let secret = mk_secrets(&server).await.text(NAME).await.unwrap();
    assert!(!format!("{secret:?}").contains("private"));
    assert_eq!(secret.into_text(), "very private\n");
    let request = server.requests().remove(0);
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/"));
    assert_eq!(request.body, format!(r#"{{"SecretId":"{NAME}"}}"#));
}

#[tokio::test]
async fn bytes_are_no_text() {
    let server = ScriptedServer::start(|_: &Request| (200, r#"{"Name":"x","SecretBinary":"AAEC"}"#)).await;
    let error = mk_secrets(&server).await.text(NAME).await.unwrap_err();
    assert!(matches!(&error, AwsError::Secret { problem: SecretProblem::Binary, .. }), "{error}");
}

#[tokio::test]
async fn what_is_wrong_names_the_secret_its_region_and_the_way_out() {
    let cases = [
        (
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret.",
            "not found",
            "--region",
        ),
        (
            "AccessDeniedException",
            "User: x is not authorized to perform: secretsmanager:GetSecretValue",
            "not allowed: User: x",
            "secretsmanager:GetSecretValue",
        ),
        ("UnrecognizedClientException", "The security token is invalid.", "not allowed", "GetSecretValue"),
        (
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
            "marked for deletion",
            "restore-secret",
        ),
        ("DecryptionFailure", "The key is disabled.", "cannot be decrypted: The key", "kms:Decrypt"),
    ];
    for (code, message, problem, hint) in cases {
        let error = refused(code, message).await;
        let said = error.to_string();
        for word in [NAME, "eu-west-1", problem] {
            assert!(said.contains(word), "`{word}` is not in: {said}");
        }
        assert!(error.hint().unwrap().contains(hint), "{code}: {:?}", error.hint());
        assert!(!error.is_temporary(), "{code}");
    }
    // What is not about the secret keeps its own kind.
    assert!(matches!(refused("InternalServiceError", "try again").await, AwsError::Failed { .. }));
    assert!(matches!(refused("InvalidRequestException", "no version").await, AwsError::Failed { .. }));
    assert!(refused("ThrottlingException", "Rate exceeded").await.is_temporary());
}
