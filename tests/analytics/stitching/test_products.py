"""What lasts in a client's name."""

import polars as pl
import pytest

from analytics.stitching.products import product


@pytest.mark.parametrize(
    ("name", "lasting"),
    [
        ("[Boto3/1.26.165 Python/3.10.6 Linux/5.19.0-46-generic]", "Boto3"),
        ("Terraform/1.1.2 (+https://www.terraform.io) aws-sdk-go/1.44", "Terraform"),
        ("stratus-red-team_54d79918-8729-4201-83e6-6a600173b8e3", "stratus-red-team"),
        ("agent 9f86d081884c7d659a2feaa0c55ad015", "agent"),
        ("Visual Studio Code", "Visual Studio Code"),
        ("claude-code", "claude-code"),
        ("54d79918-8729-4201-83e6-6a600173b8e3", "54d79918-8729-4201-83e6-6a600173b8e3"),
        ("tau2/llm_agent/gpt-4.1", "tau2/llm_agent/gpt-4.1"),
        (None, None),
    ],
)
def test_versions_and_made_up_ids_go_and_names_stay(name, lasting):
    """The first product of a User-Agent stands for all; a name with nothing else to it stays whole."""
    frame = pl.DataFrame({"client_name": [name]}, schema={"client_name": pl.String})
    assert frame.select(product("client_name")).item() == lasting
