# Production's backups, in a network that is there: a bucket, a daemon, and a scheduled task beside it.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.40, < 7.0"
    }
  }
}

provider "aws" {
  region = var.region
}

# Made beforehand, so that no secret gets into Terraform's state: see docs/deploy.md.
data "aws_secretsmanager_secret" "variable" {
  for_each = var.secrets

  name = "dataops/${each.key}"
}

# Lets nobody in, and everything out. The database's own security group has to let it in.
resource "aws_security_group" "tasks" {
  name        = "dataops"
  description = "Tasks of dataops"
  vpc_id      = var.vpc_id

  egress {
    description = "The database, S3, ECR, Secrets Manager, and who is told of failures"
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

module "dataops" {
  source = "../.."

  bucket            = var.bucket
  reader_principals = var.reader_principals

  image       = var.image
  environment = { DATAOPS_STORAGE = "s3://${var.bucket}/dataops" }
  secrets     = { for name, secret in data.aws_secretsmanager_secret.variable : name => secret.arn }

  # As dataops.config.yaml has it: backups every four hours, and prunes.
  daemon_prunes = true

  # The same slots once more: whoever fires one first, it is run once.
  schedules = {
    backup-production = {
      command    = ["backup", "production"]
      expression = "cron(0 */4 * * ? *)"
    }
  }

  subnet_ids         = var.subnet_ids
  security_group_ids = [aws_security_group.tasks.id]
}
