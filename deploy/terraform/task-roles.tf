# What dataops itself may do: one role for what makes backups, one for what deletes them.

resource "aws_iam_role" "task" {
  for_each = toset(["writer", "pruner"])

  name = "${var.name}-${each.key}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      # No other account's tasks, should ECS be talked into it.
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:ecs:${local.region}:${local.account}:*" }
      }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "task" {
  for_each = aws_iam_role.task

  role       = each.value.name
  policy_arn = aws_iam_policy.storage[each.key].arn
}

resource "aws_iam_role_policy" "task" {
  for_each = { for role, made in aws_iam_role.task : role => made if var.task_policy_json != null }

  name   = "beside-the-bucket"
  role   = each.value.id
  policy = var.task_policy_json
}

# What starts the tasks: it reads the image and the secrets, and writes the log.

resource "aws_iam_role" "execution" {
  name = "${var.name}-execution"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

locals {
  # Without the key of a secret's JSON, its stage and its version, which are no part of its name.
  secret_arns    = distinct([for arn in values(var.secrets) : join(":", slice(split(":", arn), 0, 7)) if strcontains(arn, ":secretsmanager:")])
  parameter_arns = distinct([for arn in values(var.secrets) : arn if strcontains(arn, ":ssm:")])
}

resource "aws_iam_role_policy" "execution" {
  count = length(var.secrets) == 0 ? 0 : 1

  name = "secrets"
  role = aws_iam_role.execution.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      length(local.secret_arns) == 0 ? [] : [{
        Sid      = "ReadSecrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = local.secret_arns
      }],
      length(local.parameter_arns) == 0 ? [] : [{
        Sid      = "ReadParameters"
        Effect   = "Allow"
        Action   = ["ssm:GetParameters"]
        Resource = local.parameter_arns
      }],
      length(var.secrets_kms_key_arns) == 0 ? [] : [{
        Sid      = "Key"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = var.secrets_kms_key_arns
      }],
    )
  })
}
