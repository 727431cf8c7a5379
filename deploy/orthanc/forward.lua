-- Orthanc puts each radiograph that it has stored into the folder that Pneumo watches.
-- LuaScripts in Orthanc's configuration names this file; WATCHED_FOLDER is the folder.

local folder = os.getenv('WATCHED_FOLDER') or '/var/lib/pneumo/in'

-- Computed Radiography and Digital X-Ray: neither Pneumo's own objects nor anything else comes back.
local radiographs = {
  ['1.2.840.10008.5.1.4.1.1.1'] = true,
  ['1.2.840.10008.5.1.4.1.1.1.1'] = true,
  ['1.2.840.10008.5.1.4.1.1.1.1.1'] = true,
}

function OnStoredInstance(id, tags, metadata)
  if not radiographs[metadata['SopClassUid'] or tags['SOPClassUID']] then
    return
  end
  local part = folder .. '/' .. id .. '.dcm.part'
  local file, why = io.open(part, 'wb')
  if file == nil then
    print('Pneumo: expected to write ' .. part .. ', got: ' .. why)
    return
  end
  file:write(RestApiGet('/instances/' .. id .. '/file'))
  file:close()
  os.rename(part, folder .. '/' .. id .. '.dcm')  -- it appears whole
end
