"""An example shop whose stack contains Homing."""

from pathlib import Path

from aws_cdk import App, CfnOutput, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from homing_cdk import Homing, HomingSettings

HERE = Path(__file__).parent


class Shop(Stack):
    """A stack that sends webhooks in three ways: from a function, from a bus and from a queue."""

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

        bus = events.EventBus(self, "Bus")
        webhooks.subscribe_to_bus(
            bus,
            pattern=events.EventPattern(source=["shop"]),
            sender_path="$.detail.tenantId",
        )

        queue = sqs.Queue(self, "Notices", visibility_timeout=Duration.seconds(150))
        webhooks.subscribe_to_queue(queue, sender_id="shop")

        CfnOutput(self, "BusName", value=bus.event_bus_name)
        CfnOutput(self, "NoticesUrl", value=queue.queue_url)


app = App()
Shop(app, "Shop")
app.synth()
