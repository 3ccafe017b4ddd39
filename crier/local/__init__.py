"""Real servers on one machine: private PostgreSQL, Redis and RabbitMQ, and the supervised cluster."""
