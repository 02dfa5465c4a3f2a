//! Git hosts and registries of charts that others wrote, as processes of this user on loopback: OpenSSH's sshd, nginx before
//! git's own HTTP backend, and a registry of OCI artifacts. Keys, passwords and certificates are made for one run.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::real::process::Process;
use crate::real::servers::free_ports;
use crate::tools;

/// They start in a fraction of a second.
const UP_WITHIN: Duration = Duration::from_secs(15);
/// A password of the registry and its bcrypt hash: the first test vector of Openwall's crypt_blowfish.
const REGISTRY_PASSWORD: (&str, &str) =
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");

/// All of them; they end with this value.
pub(super) struct Hosts {
    dir: PathBuf,
    ssh: u16,
    https: u16,
    oci: u16,
    _processes: Vec<Process>,
    registry: Option<Process>,
}

impl Hosts {
    /// Starts them below `dir`.
    pub(super) fn start(dir: &Path) -> anyhow::Result<Hosts> {
        let logs = dir.join("logs");
        for name in ["logs", "git", "charts", "registry", "nginx", "home"] {
            std::fs::create_dir_all(dir.join(name)).with_context(|| name.to_owned())?;
        }
        write_certificates(dir)?;
        // Words that are looked for later; nothing else may contain them.
        let password = format!("pass-{}-{}", std::process::id(), token()?);
        for (name, text) in [
            ("password", password.as_str()),
            ("wrong-password", "wrong"),
            ("htpasswd", &format!("git:{{PLAIN}}{password}\n")),
            ("registry-password", REGISTRY_PASSWORD.0),
            ("registry-htpasswd", &format!("charts:{}\n", REGISTRY_PASSWORD.1)),
        ] {
            std::fs::write(dir.join(name), text).with_context(|| name.to_owned())?;
        }
        let [ssh, https, oci] = free_ports()?;
        // A server that runs as root wants this directory of its own.
        run(
            dir,
            "[ \"$(id -u)\" != 0 ] || mkdir -p /run/sshd
for key in host key wrong-key; do ssh-keygen -q -t ed25519 -N '' -C '' -f $key; done
cp key.pub authorized && chmod 600 authorized key wrong-key host",
        )?;
        let configurations = [
            ("sshd.conf", sshd(dir, ssh)),
            ("nginx.conf", nginx(dir, https)),
            ("registry.yaml", registry(dir, oci)),
        ];
        for (name, text) in configurations {
            std::fs::write(dir.join(name), text).with_context(|| name.to_owned())?;
        }
        let path = |name: &str| tools::find(name).with_context(|| format!("{name} is not there"));
        let mut command = Command::new(path("sshd")?);
        command.args(["-D", "-e", "-f"]).arg(dir.join("sshd.conf"));
        let mut processes = vec![Process::start("sshd", &command, &logs)?];
        let mut command = Command::new(path("fcgiwrap")?);
        command.arg("-s").arg(format!("unix:{}", dir.join("fcgi.sock").display()));
        processes.push(Process::start("fcgiwrap", &command, &logs)?);
        let mut command = Command::new(path("nginx")?);
        command.arg("-p").arg(dir.join("nginx")).arg("-c").arg(dir.join("nginx.conf"));
        command.args(["-e", "stderr"]);
        processes.push(Process::start("nginx", &command, &logs)?);
        let mut command = Command::new(path("docker-registry")?);
        command.arg("serve").arg(dir.join("registry.yaml"));
        let registry = Some(Process::start("registry", &command, &logs)?);
        let hosts = Hosts { dir: dir.to_owned(), ssh, https, oci, _processes: processes, registry };
        hosts.wait_until_up()?;
        Ok(hosts)
    }

    /// The registry of OCI artifacts goes away.
    pub(super) fn end_registry(&mut self) {
        self.registry = None;
    }

    /// What scripts know of them: `H` is their directory, `SSH` and `HTTPS` begin URLs of repositories.
    pub(super) fn prelude(&self) -> anyhow::Result<String> {
        let helm = tools::HELM.path()?;
        Ok(format!(
            "H={dir} SSH=ssh://$(id -un)@127.0.0.1:{ssh}{dir}/git HTTPS=https://127.0.0.1:{https}/git
CHARTS=https://127.0.0.1:{https}/charts OCI=127.0.0.1:{oci}/team HOST='[127.0.0.1]:{ssh}'
export HELM_CACHE_HOME=$H/home HELM_CONFIG_HOME=$H/home HELM_DATA_HOME=$H/home
helm() {{ {helm} \"$@\"; }}
",
            dir = self.dir.display(),
            ssh = self.ssh,
            https = self.https,
            oci = self.oci,
            helm = helm.display(),
        ))
    }

    fn wait_until_up(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        for port in [self.ssh, self.https, self.oci] {
            while TcpStream::connect(("127.0.0.1", port)).is_err() {
                if began.elapsed() > UP_WITHIN {
                    bail!(
                        "nothing listens on port {port}; the logs are in {}",
                        self.dir.join("logs").display()
                    );
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }
}

fn run(dir: &Path, script: &str) -> anyhow::Result<()> {
    let output = Command::new("bash").args(["-ec", script]).current_dir(dir).output().context("bash")?;
    if !output.status.success() {
        bail!("{script}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// An authority, and a certificate for loopback.
fn write_certificates(dir: &Path) -> anyhow::Result<()> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &authority)?;
    for (name, text) in
        [("ca.pem", authority.pem()), ("tls.pem", certificate.pem()), ("tls-key.pem", key.serialize_pem())]
    {
        std::fs::write(dir.join(name), text).with_context(|| name.to_owned())?;
    }
    Ok(())
}

fn token() -> anyhow::Result<String> {
    let text =
        std::fs::read_to_string("/proc/sys/kernel/random/uuid").context("the kernel has no randomness")?;
    Ok(text.trim().to_owned())
}

fn sshd(dir: &Path, port: u16) -> String {
    let dir = dir.display();
    format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {dir}/host\nAuthorizedKeysFile {dir}/authorized\nPidFile none\n\
         StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n\
         AllowTcpForwarding no\n"
    )
}

/// One process alone: workers would outlive a master that is killed.
fn nginx(dir: &Path, port: u16) -> String {
    let dir = dir.display();
    format!(
        "daemon off;\nmaster_process off;\npid {dir}/nginx/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n\
         access_log off;\nclient_body_temp_path {dir}/nginx/body;\nproxy_temp_path {dir}/nginx/proxy;\n\
         fastcgi_temp_path {dir}/nginx/fastcgi;\nuwsgi_temp_path {dir}/nginx/uwsgi;\nscgi_temp_path {dir}/nginx/scgi;\n\
         server {{\nlisten 127.0.0.1:{port} ssl;\nssl_certificate {dir}/tls.pem;\nssl_certificate_key {dir}/tls-key.pem;\n\
         auth_basic git;\nauth_basic_user_file {dir}/htpasswd;\nclient_max_body_size 64m;\n\
         location /charts/ {{ alias {dir}/charts/; }}\n\
         location ~ ^/git(/.*)$ {{\nfastcgi_pass unix:{dir}/fcgi.sock;\nfastcgi_param SCRIPT_FILENAME {backend};\n\
         fastcgi_param GIT_PROJECT_ROOT {dir}/git;\nfastcgi_param GIT_HTTP_EXPORT_ALL 1;\nfastcgi_param PATH_INFO $1;\n\
         fastcgi_param REMOTE_USER $remote_user;\nfastcgi_param REQUEST_METHOD $request_method;\n\
         fastcgi_param QUERY_STRING $query_string;\nfastcgi_param CONTENT_TYPE $content_type;\n\
         fastcgi_param CONTENT_LENGTH $content_length;\nfastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;\n\
         fastcgi_param SERVER_PROTOCOL $server_protocol;\n}}\n}}\n}}\n",
        backend = "/usr/lib/git-core/git-http-backend",
    )
}

fn registry(dir: &Path, port: u16) -> String {
    let dir = dir.display();
    format!(
        "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: {dir}/registry}}}}\n\
         http: {{addr: '127.0.0.1:{port}', secret: x, tls: {{certificate: {dir}/tls.pem, key: {dir}/tls-key.pem}}}}\n\
         auth: {{htpasswd: {{realm: charts, path: {dir}/registry-htpasswd}}}}\n"
    )
}
