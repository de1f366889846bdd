resource "aws_iam_role" "scheduler" {
  count = length(var.schedules) == 0 ? 0 : 1

  name = "${var.name}-scheduler"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      # No other account's schedules, should the service be talked into it.
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
  tags = var.tags
}

# `dataops print iam-policy --role scheduler` prints the same.
resource "aws_iam_role_policy" "scheduler" {
  count = length(aws_iam_role.scheduler)

  name = "tasks"
  role = aws_iam_role.scheduler[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "RunTasks"
        Effect    = "Allow"
        Action    = ["ecs:RunTask"]
        Resource  = "arn:${local.partition}:ecs:${local.region}:${local.account}:task-definition/${var.name}-*"
        Condition = { ArnEquals = { "ecs:cluster" = aws_ecs_cluster.tasks.arn } }
      },
      {
        Sid       = "PassRoles"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [aws_iam_role.execution.arn, aws_iam_role.task["writer"].arn, aws_iam_role.task["pruner"].arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
    ]
  })
}

resource "aws_scheduler_schedule" "task" {
  for_each   = var.schedules
  depends_on = [aws_iam_role_policy.scheduler]

  name                         = "${var.name}-${each.key}"
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.timezone

  # The slot would be another one.
  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_ecs_cluster.tasks.arn
    role_arn = aws_iam_role.scheduler[0].arn

    # Scheduler puts the instant in, `2026-11-21T04:00:00Z`, where it finds these very characters; jsonencode would write them as
    # \u003c and \u003e.
    input = replace(replace(jsonencode({
      containerOverrides = [{
        name    = "dataops"
        command = concat(each.value.command, ["--slot", "<aws.scheduler.scheduled-time>"])
      }]
    }), "\\u003c", "<"), "\\u003e", ">")

    ecs_parameters {
      task_definition_arn = aws_ecs_task_definition.task[each.key].arn
      launch_type         = "FARGATE"

      network_configuration {
        subnets          = var.subnet_ids
        security_groups  = var.security_group_ids
        assign_public_ip = var.assign_public_ip
      }
    }

    # Where there was no room for the task: a slot is run once, so trying again harms nothing.
    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 30
    }
  }
}
