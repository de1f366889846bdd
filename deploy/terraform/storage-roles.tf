# Who may do what with the backups. `dataops print iam-policy --role ROLE` prints the same.

locals {
  # Known before the bucket is there: a plan shows the policies.
  bucket_arn = "arn:${local.partition}:s3:::${var.bucket}"
  key_start  = var.prefix == "" ? "" : "${var.prefix}/"

  object_actions = {
    reader = ["s3:GetObject"]
    writer = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]
    # Never s3:DeleteObjectVersion: what is deleted can be brought back.
    pruner = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject"]
  }

  storage_statements = {
    for role, actions in local.object_actions : role => concat(
      [
        merge(
          {
            Sid      = "ListBackups"
            Effect   = "Allow"
            Action   = ["s3:ListBucket"]
            Resource = local.bucket_arn
          },
          # With the slash: `dataops` alone would also list what is below `dataops-of-others`.
          var.prefix == "" ? null : { Condition = { StringLike = { "s3:prefix" = ["${local.key_start}*"] } } },
        ),
        {
          Sid      = "Objects"
          Effect   = "Allow"
          Action   = actions
          Resource = "${local.bucket_arn}/${local.key_start}*"
        },
      ],
      # Of indexes that are built from these databases: large, and of no use once an index is built.
      role != "writer" || length(var.indexed_databases) == 0 ? [] : [{
        Sid      = "ClearCheckpoints"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject"]
        Resource = [for database in var.indexed_databases : "${local.bucket_arn}/${local.key_start}${database}/reindex/*"]
      }],
      # S3 knows no condition on the prefix for it.
      role == "reader" ? [] : [{
        Sid      = "ListUnfinishedUploads"
        Effect   = "Allow"
        Action   = ["s3:ListBucketMultipartUploads"]
        Resource = local.bucket_arn
      }],
      var.kms_key_arn == null ? [] : [{
        Sid      = "Key"
        Effect   = "Allow"
        Action   = role == "reader" ? ["kms:Decrypt"] : ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = var.kms_key_arn
      }],
    )
  }
}

resource "aws_iam_policy" "storage" {
  for_each = local.storage_statements

  name        = "${var.name}-${each.key}"
  description = "What a ${each.key} of backups may do."
  policy      = jsonencode({ Version = "2012-10-17", Statement = each.value })
  tags        = var.tags
}

# For people and CI, who fetch backups.

resource "aws_iam_role" "reader" {
  count = length(var.reader_principals) == 0 ? 0 : 1

  name = "${var.name}-reader"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = var.reader_principals }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "reader" {
  count = length(aws_iam_role.reader)

  role       = aws_iam_role.reader[0].name
  policy_arn = aws_iam_policy.storage["reader"].arn
}
