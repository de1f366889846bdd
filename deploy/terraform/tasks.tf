resource "aws_cloudwatch_log_group" "tasks" {
  name              = "/ecs/${var.name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_ecs_cluster" "tasks" {
  name = var.name
  tags = var.tags
}

locals {
  port = 8080

  daemon = var.daemon_replicas == 0 ? {} : { daemon = ["daemon"] }

  # By the task's name.
  commands = merge({ for name, schedule in var.schedules : name => schedule.command }, local.daemon)

  prunes = { for name, command in local.commands : name => command[0] == "prune" || command[0] == "daemon" && var.daemon_prunes }

  # What the daemon has beside the others. ECS does not look at the image's own health check.
  serving = {
    portMappings = [{ containerPort = local.port, protocol = "tcp" }]
    healthCheck = {
      command     = ["CMD", "node", "/app/dist/healthcheck.js"]
      interval    = 30
      timeout     = 5
      retries     = 3
      startPeriod = 20
    }
  }
}

# `dataops print task-definition --run COMMAND` prints the same.
resource "aws_ecs_task_definition" "task" {
  for_each = local.commands

  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task[local.prunes[each.key] ? "pruner" : "writer"].arn
  tags                     = var.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }

  ephemeral_storage {
    size_in_gib = var.disk
  }

  # The root is read-only: these two are all that is written to.
  volume {
    name = "data"
  }

  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([merge(
    {
      name                   = "dataops"
      image                  = var.image
      command                = each.value
      essential              = true
      user                   = "10001:10001"
      readonlyRootFilesystem = true
      # Seconds between SIGTERM and SIGKILL: a run ends within 25.
      stopTimeout = 30
      mountPoints = [
        { sourceVolume = "data", containerPath = "/var/lib/dataops", readOnly = false },
        { sourceVolume = "tmp", containerPath = "/tmp", readOnly = false },
      ]
      environment = [
        for name, value in merge(
          var.environment,
          { AWS_REGION = local.region },
          each.key == "daemon" ? { PORT = tostring(local.port) } : {},
        ) : { name = name, value = value }
      ]
      secrets = [for name, arn in var.secrets : { name = name, valueFrom = arn }]
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          "awslogs-group"         = aws_cloudwatch_log_group.tasks.name
          "awslogs-region"        = local.region
          "awslogs-stream-prefix" = each.value[0]
        }
      }
    },
    each.key == "daemon" ? local.serving : null,
  )])
}

resource "aws_ecs_service" "daemon" {
  count = var.daemon_replicas == 0 ? 0 : 1

  # A task that starts before its role may do anything ends at once.
  depends_on = [
    aws_iam_role_policy.execution,
    aws_iam_role_policy.task,
    aws_iam_role_policy_attachment.execution,
    aws_iam_role_policy_attachment.task,
  ]

  name            = "${var.name}-daemon"
  cluster         = aws_ecs_cluster.tasks.id
  task_definition = aws_ecs_task_definition.task["daemon"].arn
  desired_count   = var.daemon_replicas
  launch_type     = "FARGATE"
  propagate_tags  = "SERVICE"
  tags            = var.tags

  # The new one may run beside the old one: a slot is run once.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = var.security_group_ids
    assign_public_ip = var.assign_public_ip
  }
}
