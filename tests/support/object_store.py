"""A real S3-compatible server on this machine, which lets two keys in."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import fsspec
import httpx
import pytest
from moto.server import ThreadedMotoServer

BUCKET = "feeds"
RIGHTS = (
    '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
)


@dataclass(frozen=True)
class ObjectStore:
    """The running server and the environment in which a lender's programs find it."""

    server: ThreadedMotoServer
    endpoint: str
    environment: dict[str, str]
    client: Any  # boto3's, with the key of the systems that deliver

    @property
    def landing(self) -> str:
        return f"s3://{BUCKET}/in/landing"

    def deliver(self, landing: Path) -> None:
        """Put every file of a folder into the landing zone."""
        for path in sorted(one for one in landing.rglob("*") if one.is_file()):
            self.put(path.relative_to(landing).as_posix(), path.read_bytes())

    def put(self, name: str, content: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=f"in/landing/{name}", Body=content)


@contextmanager
def serving() -> Iterator[ObjectStore]:
    """A server with an empty bucket; every request must be signed with one of its keys."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else a line for every request
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    try:
        yield ObjectStore(server, endpoint, *_with_two_keys(endpoint))
    finally:
        httpx.post(f"{endpoint}/moto-api/reset-auth", content="inf")
        server.stop()


def _with_two_keys(endpoint: str) -> tuple[dict[str, str], Any]:
    """The lender's environment, whose key may list and read alone; and a client that writes."""
    place = {"endpoint_url": endpoint, "region_name": "us-east-1"}
    unchecked = {"aws_access_key_id": "first", "aws_secret_access_key": "first"}
    users = boto3.client("iam", **place, **unchecked)

    def key(user: str, *rights: str) -> tuple[str, str]:
        policy = {"Effect": "Allow", "Action": rights, "Resource": "*"}
        whole = json.dumps({"Version": "2012-10-17", "Statement": policy})
        users.create_user(UserName=user)
        users.put_user_policy(UserName=user, PolicyName="all", PolicyDocument=whole)
        made = users.create_access_key(UserName=user)["AccessKey"]
        return made["AccessKeyId"], made["SecretAccessKey"]

    writer, lender = key("source", "s3:*"), key("lender", "s3:ListBucket", "s3:GetObject")
    httpx.post(f"{endpoint}/moto-api/reset-auth", content="0").raise_for_status()
    names = ("aws_access_key_id", "aws_secret_access_key")
    client = boto3.client("s3", **place, **dict(zip(names, writer, strict=True)))
    client.create_bucket(Bucket=BUCKET)
    environment = {name.upper(): word for name, word in zip(names, lender, strict=True)}
    return environment | {"AWS_ENDPOINT_URL": endpoint, "AWS_MAX_ATTEMPTS": "1"}, client


@contextmanager
def found_by(**environment: str) -> Iterator[None]:
    """The variables by which this process finds the store, and no client made before."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        stores = fsspec.get_filesystem_class("s3")
        stores.clear_instance_cache()
        yield
        stores.clear_instance_cache()
