"""A shop of somebody else's, whose stack has Homing in it."""

from pathlib import Path

from aws_cdk import App, Duration, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct
from homing_cdk import Homing, HomingSettings

HERE = Path(__file__).parent


class Shop(Stack):
    """A function that sends webhooks when somebody has paid."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        webhooks = Homing(self, "Webhooks", settings=HomingSettings(max_attempts=8))

        checkout = lambda_.Function(
            self,
            "Checkout",
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler="checkout.handler",
            code=lambda_.Code.from_asset(str(HERE / "checkout")),
            timeout=Duration.seconds(45),
            memory_size=256,
            environment={"MESSAGES_URL": webhooks.messages_url},
            layers=[webhooks.client_layer],
        )
        webhooks.grant_send(checkout)


app = App()
Shop(app, "Shop")
app.synth()
