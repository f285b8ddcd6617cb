"""Nodes over TCP with mutual TLS: who has a certificate of the cluster's authority gets in, nobody
else does."""
import json
import shutil
import socket
import ssl
import subprocess
import unittest

from omma_process import ProcessTest

NODES = ["head", "eyes"]


def free_ports(count):
    """Free at this moment, which is all that can be had."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@unittest.skipUnless(shutil.which("openssl"), "the openssl command is absent; it makes the keys")
class Tls(ProcessTest):
    def openssl(self, *words):
        subprocess.run(["openssl", *map(str, words)], cwd=self.folder, check=True,
                       capture_output=True)

    def make_authority(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                     "-nodes", "-days", 2, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out",
                     f"{name}.pem")

    def make_certificate(self, name, authority):
        """A node's name as common name and DNS name, and the host that commands dial."""
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                     "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (self.folder / "names.txt").write_text(f"subjectAltName=DNS:{name},DNS:localhost\n")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey",
                     f"{authority}.key", "-CAcreateserial", "-days", 2, "-extfile", "names.txt",
                     "-out", f"{name}.pem")

    def secure_cluster(self, ports):
        text = "cluster: safe\nhead: head\nlinger: 200ms\nnodes:\n"
        for name, port, roles in zip(NODES, ports, ["[head, cloud]", "[camera]"]):
            text += f"""  - name: {name}
    listen: localhost:{port}
    roles: {roles}
    data: ${{run_dir}}/{name}
    tls:
      authority: ${{cluster_dir}}/authority.pem
      certificate: ${{cluster_dir}}/{name}.pem
      key: ${{cluster_dir}}/{name}.key
"""
        return self.cluster_file(text)

    def answered(self, port, certificate):
        """Whether a node keeps talking to one who shows this certificate, or none."""
        context = ssl.create_default_context(cafile=str(self.folder / "authority.pem"))
        if certificate:
            context.load_cert_chain(self.folder / f"{certificate}.pem",
                                    self.folder / f"{certificate}.key")
        try:
            with socket.create_connection(("localhost", port), timeout=3) as plain:
                with context.wrap_socket(plain, server_hostname="localhost") as secure:
                    # With TLS 1.3 the refusal arrives after the client's side is done.
                    secure.settimeout(1)
                    return secure.recv(1) != b""
        except TimeoutError:
            return True  # It waits for what we have to say.
        except OSError:  # ssl.SSLError among them.
            return False

    def test_hello_runs_over_mutual_tls_and_strangers_are_turned_away(self):
        self.make_authority("authority")
        self.make_authority("impostor")
        for node in NODES:
            self.make_certificate(node, "authority")
        self.make_certificate("stranger", "impostor")
        ports = free_ports(len(NODES))
        self.up(self.secure_cluster(ports))
        self.assert_lives()
        nodes = json.loads(self.succeed("ps", "--json").out)
        self.assertEqual(sorted(node["node"] for node in nodes), sorted(NODES))

        for port in ports:
            self.assertTrue(self.answered(port, "eyes"))
            self.assertFalse(self.answered(port, None), "no certificate")
            self.assertFalse(self.answered(port, "stranger"), "of another authority")

        home = self.home / "safe" / "cluster.json"
        running = json.loads(home.read_text())
        plain = {name: value for name, value in running.items() if name != "tls"}
        home.write_text(json.dumps(plain))
        self.refuse(3, "run", "hello", says=["'safe'"])
        home.write_text(json.dumps(running))
        self.assert_lives()


if __name__ == "__main__":
    unittest.main(verbosity=2)
