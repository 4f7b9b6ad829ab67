# Interface targets with the flags everybody gets, and the two functions that declare a module and a test.

include(CheckIPOSupported)
find_package(Threads REQUIRED)
find_program(KONTOR_CCACHE ccache)
if(KONTOR_CCACHE)
    set(CMAKE_C_COMPILER_LAUNCHER ${KONTOR_CCACHE})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${KONTOR_CCACHE})
endif()
find_program(KONTOR_MOLD mold)
if(KONTOR_MOLD)
    add_link_options(-fuse-ld=mold)
endif()

# -g1: line tables for stack traces; full debug info doubles link time and disk for little.
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")
set(CMAKE_C_FLAGS_DEBUG "-O0 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1")

# Flags that must be the same in every translation unit.
add_library(kontor_common INTERFACE)
target_link_libraries(kontor_common INTERFACE Threads::Threads)
target_compile_options(kontor_common INTERFACE -fno-omit-frame-pointer -fstack-protector-strong)
target_compile_definitions(kontor_common INTERFACE
    BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
    BOOST_BEAST_USE_STD_STRING_VIEW BOOST_ASIO_DISABLE_BOOST_COROUTINE
    SPDLOG_HEADER_ONLY FMT_HEADER_ONLY)
if(KONTOR_SANITIZE)
    target_compile_options(kontor_common INTERFACE -fsanitize=${KONTOR_SANITIZE} -fno-sanitize-recover=all -O1)
    # RapidJSON grows an empty stack from a null pointer; g++ does not look at that.
    target_compile_options(kontor_common INTERFACE $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=pointer-overflow>)
    target_link_options(kontor_common INTERFACE -fsanitize=${KONTOR_SANITIZE})
    target_compile_definitions(kontor_common INTERFACE KONTOR_SANITIZED=1)
    if(KONTOR_SANITIZE MATCHES "thread")
        # The thread sanitizer does not understand fences, and g++ says so as an error. Asio's handlers change threads
        # under its mutex anyway.
        target_compile_definitions(kontor_common INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
    endif()
else()
    target_compile_definitions(kontor_common INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
endif()

# Flags for code that we wrote (generated code gets kontor_common only).
add_library(kontor_warnings INTERFACE)
target_compile_options(kontor_warnings INTERFACE -Wall -Wextra -Wshadow -Werror
    $<$<COMPILE_LANGUAGE:CXX>:-Wconversion -Wnon-virtual-dtor -Woverloaded-virtual>
    $<$<CXX_COMPILER_ID:Clang>:-Wno-sign-conversion>) # which g++ does not mean by -Wconversion
if(KONTOR_SANITIZE)
    # g++ 12 sees ghosts in std::variant and std::optional once a sanitizer has rewritten the code.
    target_compile_options(kontor_warnings INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()

# kontor_module(NAME ledger SOURCES src/a.cc … DEPS kontor::base … [LIBS lmdb …])
function(kontor_module)
    cmake_parse_arguments(M "" "NAME" "SOURCES;DEPS;LIBS" ${ARGN})
    add_library(kontor_${M_NAME} STATIC ${M_SOURCES})
    add_library(kontor::${M_NAME} ALIAS kontor_${M_NAME})
    target_include_directories(kontor_${M_NAME} PUBLIC include PRIVATE src)
    target_link_libraries(kontor_${M_NAME} PUBLIC kontor_common ${M_DEPS} PRIVATE kontor_warnings ${M_LIBS})
endfunction()

# kontor_lists(FOLDER lists DOMAINS file… ROLES file… CONNECTORS file… REPORTS file…)
# Makes of files with one line a folder the headers that all.cc, roles.cc and routes.cc include: FOLDER/lists/domains.h,
# roles.h, routes.h, connectors.h, reports.h. The binary has one set of them; a test may have a longer one (tests/examples).
function(kontor_lists)
    cmake_parse_arguments(L "" "FOLDER" "DOMAINS;ROLES;CONNECTORS;REPORTS" ${ARGN})
    kontor_list_part(domains DOMAIN domain.h "&" kDomain ${L_DOMAINS})
    kontor_list_part(operations OPERATIONS operations.h "" kOperations ${L_DOMAINS})
    kontor_list_part(grants GRANTS permissions.h "" permission::kGrants ${L_DOMAINS})
    kontor_list_part(role_grants ROLE_GRANTS role.h "" kGrants ${L_ROLES})
    kontor_list_part(roles ROLES role.h "" kRole ${L_ROLES})
    kontor_list_part(api API api.h "&" kApi ${L_DOMAINS})
    kontor_list_part(admin ADMIN admin.h "&" kAdmin ${L_DOMAINS})
    kontor_list_part(connectors CONNECTOR "" "&" kConnector ${L_CONNECTORS})
    kontor_list_part(reports REPORT "" "&" kReport ${L_REPORTS})
    foreach(list domains/domains domains/roles domains/routes connectors/connectors reports/reports)
        string(REGEX MATCH "^[a-z]+" place ${list})
        string(REGEX MATCH "[a-z]+$" name ${list})
        configure_file(${PROJECT_SOURCE_DIR}/modules/${place}/list_${name}.h.in ${L_FOLDER}/lists/${name}.h @ONLY)
    endforeach()
endfunction()

# The includes and the entries of one list, for the folders that have the header ("": the one with the folder's name).
function(kontor_list_part name variable header sign entry)
    set(includes)
    set(entries)
    foreach(list ${ARGN})
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${list})
        get_filename_component(place ${list} DIRECTORY)
        file(RELATIVE_PATH from ${PROJECT_SOURCE_DIR} ${place})
        string(REGEX REPLACE "^(modules|tests)/" "" from ${from})
        file(GLOB seen CONFIGURE_DEPENDS ${place}/*/*.h) # a header that comes or goes changes what a folder brings
        file(STRINGS ${list} folders REGEX "^[a-z]")
        foreach(folder ${folders})
            set(file ${header})
            if(NOT file)
                set(file ${folder}.h)
            endif()
            if(EXISTS ${place}/${folder}/${file})
                string(APPEND includes "#include \"${from}/${folder}/${file}\"\n")
                string(APPEND entries "    ${sign}${folder}::${entry},\n")
            elseif(file STREQUAL "domain.h" OR file STREQUAL "role.h" OR NOT header)
                message(FATAL_ERROR "${list}: ${folder} has no ${file}")
            endif()
        endforeach()
    endforeach()
    set(${variable}_INCLUDES "${includes}" PARENT_SCOPE)
    set(${variable}_ENTRIES "${entries}" PARENT_SCOPE)
endfunction()

# kontor_protos(NAME proto ROOT folder FILES a.proto … [IMPORTS folder …] [DEPS kontor::proto …])
# Messages as a library: the names of FILES begin at ROOT, and so do the headers' in includes. Without our warnings.
function(kontor_protos)
    find_package(Protobuf REQUIRED) # whose compiler is known in the folder that asks
    cmake_parse_arguments(P "" "NAME;ROOT" "FILES;IMPORTS;DEPS" ${ARGN})
    set(paths --proto_path=${P_ROOT})
    foreach(import ${P_IMPORTS})
        list(APPEND paths --proto_path=${import})
    endforeach()
    set(sources ${P_FILES})
    list(TRANSFORM sources PREPEND ${P_ROOT}/)
    set(generated)
    foreach(proto ${P_FILES})
        string(REGEX REPLACE "[.]proto$" ".pb" base ${CMAKE_CURRENT_BINARY_DIR}/${proto})
        add_custom_command(
            OUTPUT ${base}.cc ${base}.h
            COMMAND protobuf::protoc ${paths} --cpp_out=${CMAKE_CURRENT_BINARY_DIR} ${proto}
            DEPENDS ${sources})
        list(APPEND generated ${base}.cc ${base}.h)
    endforeach()
    add_library(kontor_${P_NAME} STATIC ${generated})
    add_library(kontor::${P_NAME} ALIAS kontor_${P_NAME})
    target_include_directories(kontor_${P_NAME} SYSTEM PUBLIC ${CMAKE_CURRENT_BINARY_DIR})
    target_link_libraries(kontor_${P_NAME} PUBLIC kontor_common ${P_DEPS})
endfunction()

# kontor_test(NAME ledger_test SOURCES a.cc … DEPS kontor::ledger … [PRIVATE_OF ledger] [TIMEOUT 120])
# One executable, one ctest entry; PRIVATE_OF opens that module's src/ to white-box tests.
function(kontor_test)
    cmake_parse_arguments(T "" "NAME;PRIVATE_OF;TIMEOUT" "SOURCES;DEPS;LIBS" ${ARGN})
    if(NOT T_TIMEOUT)
        set(T_TIMEOUT 120)
    endif()
    if(KONTOR_SANITIZE) # several times slower
        math(EXPR T_TIMEOUT "${T_TIMEOUT} * 4")
    endif()
    add_executable(${T_NAME} ${T_SOURCES})
    target_link_libraries(${T_NAME} PRIVATE kontor_common kontor_warnings ${T_DEPS} ${T_LIBS} kontor_test_id_key
        GTest::gtest GTest::gtest_main)
    if(T_PRIVATE_OF)
        target_include_directories(${T_NAME} PRIVATE ${CMAKE_SOURCE_DIR}/modules/${T_PRIVATE_OF}/src)
    endif()
    add_test(NAME ${T_NAME} COMMAND ${T_NAME})
    set_tests_properties(${T_NAME} PROPERTIES TIMEOUT ${T_TIMEOUT} LABELS unit)
endfunction()
